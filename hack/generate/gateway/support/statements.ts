/**
 * What Sluice does with each field of Gateway API, in our words. Everything else on the page is read from the definitions and
 * the tests; a field without a statement here, a statement without a field, and a field that is said to be supported although
 * nothing tests it, fail `make generate`.
 */

export interface Statement {
  support: 'yes' | 'partly' | 'no';
  how: string;
  /** Tests beside those that are found by what their objects set: a path in this repository, or a test of the suite. */
  tests?: string[];
}

export type Statements = Record<string, Statement>;

export interface KindStatements {
  /** What is true of the kind as a whole. */
  text: string;
  statements: Statements;
}

function yes(how: string, ...tests: string[]): Statement {
  return { support: 'yes', how, ...(tests.length === 0 ? {} : { tests }) };
}

function no(how: string): Statement {
  return { support: 'no', how };
}

/** The same statements below another path. */
function below(path: string, statements: Statements): Statements {
  return Object.fromEntries(Object.entries(statements).map(([name, statement]) => [`${path}.${name}`, statement]));
}

/** All of them unsupported, for one reason. */
function unsupported(how: string, ...paths: string[]): Statements {
  return Object.fromEntries(paths.map((path) => [path, no(how)]));
}

/** What is done in another way than the specification words it. */
function partly(how: string): Statement {
  return { support: 'partly', how };
}

const status = 'test/cluster/status.test.ts';

const conditions = (...tests: string[]): Statements =>
  below('conditions[]', {
    lastTransitionTime: yes('when `status` changed; stays where only the rest changes', ...tests),
    message: yes('one sentence that says what to do', ...tests),
    observedGeneration: yes('the generation that was translated', ...tests),
    reason: yes("the specification's reasons, and ours where it has none", ...tests),
    status: yes('`True`, `False` or `Unknown`', ...tests),
    type: yes("the specification's types; conditions of other controllers stay", ...tests),
  });

const labelSelector: Statements = {
  'selector.matchLabels': yes('labels of the Namespace'),
  'selector.matchExpressions[].key': yes('a label of the Namespace'),
  'selector.matchExpressions[].operator': yes('`In`, `NotIn`, `Exists`, `DoesNotExist`'),
  'selector.matchExpressions[].values': yes('for `In` and `NotIn`'),
};

const parentRefs: Statements = {
  group: yes('`gateway.networking.k8s.io`; parents of other groups are left to their controllers'),
  kind: yes('`Gateway` or `ListenerSet`; other kinds are left to their controllers'),
  name: yes('the parent; it may be applied later than the route'),
  namespace: yes('of any namespace that the listeners let in'),
  port: yes('only the listeners of this port'),
  sectionName: yes('only the listener of this name'),
};

const routeStatus = (...tests: string[]): Statements => ({
  ...below('status.parents[]', {
    ...conditions(...tests),
    controllerName: yes('`sluice.dev/gateway-controller`; entries of others stay', ...tests),
    ...below('parentRef', {
      group: yes('as in the spec', ...tests),
      kind: yes('as in the spec', ...tests),
      name: yes('as in the spec', ...tests),
      namespace: yes('as in the spec', ...tests),
      port: yes('as in the spec', ...tests),
      sectionName: yes('as in the spec', ...tests),
    }),
  }),
});

const policyStatus = (...tests: string[]): Statements =>
  below('status.ancestors[]', {
    ...conditions(...tests),
    controllerName: yes('`sluice.dev/gateway-controller`; entries of others stay, and there are at most 16', ...tests),
    ...below('ancestorRef', {
      group: yes('`gateway.networking.k8s.io`', ...tests),
      kind: yes('`Gateway`: each one that the policy has an effect on', ...tests),
      name: yes('of the Gateway', ...tests),
      namespace: yes('of the Gateway', ...tests),
      port: yes('not set: the entry is for the whole Gateway', ...tests),
      sectionName: yes('not set: the entry is for the whole Gateway', ...tests),
    }),
  });

const backendRef: Statements = {
  group: yes('that of Service (none), ServiceImport or XBackend'),
  kind: yes('`Service`, `ServiceImport` or `XBackend`; else `ResolvedRefs` is False with `InvalidKind`'),
  name: yes('one that does not exist: `BackendNotFound`, and requests get 500'),
  namespace: yes('of another namespace with a ReferenceGrant; else `RefNotPermitted`, and requests get 500'),
  port: yes('a port of the Service; endpoints are connected to directly'),
};

const weightedBackendRef: Statements = {
  ...backendRef,
  weight: yes('share among the backends of the rule; what falls to an invalid one gets 500'),
};

const headerModifier: Statements = Object.fromEntries(
  Object.entries({
    'set[].name': yes('in place of what there is; names that Envoy refuses are said to be wrong'),
    'set[].value': yes('as it is written'),
    'add[].name': yes('beside what there is'),
    'add[].value': yes('as it is written'),
    remove: yes('whatever its case'),
  }),
);

const pathModifier: Statements = {
  type: yes('`ReplaceFullPath`, `ReplacePrefixMatch`'),
  replaceFullPath: yes('in place of the whole path; the query stays'),
  replacePrefixMatch: yes('in place of the matched prefix; only where every match of the rule is by prefix'),
};

const mirror: Statements = {
  ...below('backendRef', {
    ...backendRef,
    name: yes('one that does not exist: `BackendNotFound`, and nothing is mirrored'),
    namespace: yes('of another namespace with a ReferenceGrant; else `RefNotPermitted`, and nothing is mirrored'),
  }),
  percent: yes('0 to 100; all where nothing is said'),
  'fraction.numerator': yes('of a million parts, as Envoy counts them'),
  'fraction.denominator': yes('100 where it is not said'),
};

const sessionPersistence: Statements = {
  sessionName: yes(
    'of the cookie or the header; one that stays the same where it is not said; where requests are divided, with an end of its own for each backend',
  ),
  type: yes('`Cookie` or `Header`: the address of the endpoint travels in it'),
  absoluteTimeout: yes('written into the cookie, which proxies take no longer; not for headers'),
  'cookieConfig.lifetimeType': yes(
    '`Permanent` with an `absoluteTimeout`; `Session` ends with the browser, at the latest with an `absoluteTimeout`',
  ),
};

const objectReference = (what: string): Statements => ({
  group: yes('as of the kind'),
  kind: yes(what),
  name: yes('one that does not exist is said in `ResolvedRefs`'),
  namespace: yes('of another namespace with a ReferenceGrant'),
});

const localReference = (what: string): Statements => ({
  group: yes('as of the kind'),
  kind: yes(what),
  name: yes('of the same namespace; one that does not exist is said in `ResolvedRefs`'),
});

const allowedRoutes: Statements = {
  'kinds[].group': yes('`gateway.networking.k8s.io`'),
  'kinds[].kind': yes('of those that the protocol can serve; others: `ResolvedRefs` False, `InvalidRouteKinds`'),
  'namespaces.from': yes('`Same`, `All`, `Selector`, `None`'),
  ...below('namespaces', labelSelector),
};

const listener: Statements = {
  name: yes('what `sectionName` names'),
  port: yes('port of the Service of the DataPlane; several listeners may share one'),
  protocol: yes('`HTTP`, `HTTPS`, `TLS`, `TCP`, `UDP`; else `UnsupportedProtocol`'),
  hostname: yes('exact or with a wildcard; a request meets only the most specific listener (isolation)'),
  ...below('allowedRoutes', allowedRoutes),
  'tls.mode': yes('`Terminate`; `Passthrough` with protocol `TLS`'),
  ...below(
    'tls.certificateRefs[]',
    objectReference('`Secret` of type `kubernetes.io/tls`; several, RSA and ECDSA, are served by what the client can'),
  ),
  'tls.options': yes(
    '`sluice.dev/tls-minimum-version`, `-maximum-version`, `-cipher-suites`, `-curves`, `-alpn`; keys of other domains are not ours',
  ),
};

const listenersStatus = (...tests: string[]): Statements => ({
  ...below('status.listeners[]', {
    name: yes('as in the spec', ...tests),
    attachedRoutes: yes('routes that are accepted, whether their references resolve or not', ...tests),
    ...conditions(...tests),
    'supportedKinds[].group': yes('`gateway.networking.k8s.io`', ...tests),
    'supportedKinds[].kind': yes('the kinds that may attach', ...tests),
  }),
});

const clientValidation: Statements = {
  ...below('validation.caCertificateRefs[]', objectReference('`ConfigMap` (or `Secret`) with `ca.crt`')),
  'validation.mode': yes('`AllowValidOnly`, `AllowInsecureFallback`'),
};

const cors: Statements = {
  allowOrigins: yes('exact, with a wildcard, or `*`; with and without the well-known port of the scheme'),
  allowMethods: yes('told to a preflight; of `*` the method that was asked for'),
  allowHeaders: yes('told to a preflight; of `*` those that were asked for'),
  exposeHeaders: yes('told to the browser; `*` not with credentials, where it would be a name'),
  allowCredentials: yes('told to the browser'),
  maxAge: yes('in seconds; 5 where it is not said'),
};

const externalAuth: Statements = {
  protocol: yes('`HTTP` or `GRPC`; without an answer in 10 s no request passes'),
  ...below('backendRef', backendRef),
  'grpc.allowedHeaders': yes('only these are sent; all where nothing is said'),
  'http.path': yes('goes before the path of the request'),
  'http.allowedHeaders': yes('sent beside host, method, path, Content-Length and Authorization'),
  'http.allowedResponseHeaders': yes('copied to the request; all but those of the answer itself where nothing is said'),
  'forwardBody.maxSize': yes('a larger body is answered with 413'),
};

const httpFilters: Statements = {
  type: yes('all but `ExtensionRef`; one that cannot be served makes its rule answer 500, and the route says so'),
  ...below('requestHeaderModifier', headerModifier),
  ...below('responseHeaderModifier', headerModifier),
  ...below('requestMirror', mirror),
  'requestRedirect.scheme': yes('`http` or `https`; that of the request where it is not said'),
  'requestRedirect.hostname': yes('that of the request where it is not said'),
  ...below('requestRedirect.path', pathModifier),
  'requestRedirect.port': yes('that of the scheme, or of the listener, where it is not said'),
  'requestRedirect.statusCode': yes('301, 302, 303, 307, 308'),
  'urlRewrite.hostname': yes('what the backend sees as host'),
  ...below('urlRewrite.path', pathModifier),
  ...below('cors', cors),
  ...below('externalAuth', externalAuth),
  ...unsupported(
    'there is no kind to refer to yet: `ResolvedRefs` is False with `InvalidKind`, and requests get 500',
    'extensionRef.group',
    'extensionRef.kind',
    'extensionRef.name',
  ),
};

const nameOfRule = yes('part of the name of the Envoy route, as in access logs');

const headerMatch: Statements = {
  type: yes('`Exact`, `RegularExpression` (RE2, the whole value)'),
  name: yes('whatever its case; of equal names the first counts'),
  value: yes('as it is written'),
};

const grpcFilters: Statements = Object.fromEntries(
  Object.entries(httpFilters).filter(([path]) => !/^(requestRedirect|urlRewrite|cors|externalAuth)/.test(path)),
);

/** @param unit what is shared out by weight, and what becomes of it without a backend */
const streamRoute = (unit: string, lost: string): Statements => ({
  ...below('spec.parentRefs[]', parentRefs),
  'spec.useDefaultGateways': yes('`All`: the route attaches to every default Gateway that takes it'),
  'spec.rules[].name': yes('for people'),
  ...below('spec.rules[].backendRefs[]', {
    ...weightedBackendRef,
    name: yes(`one that does not exist: \`BackendNotFound\`, and its share is ${lost}`),
    namespace: yes(`of another namespace with a ReferenceGrant; else \`RefNotPermitted\`, and its share is ${lost}`),
    weight: yes(`share of the ${unit}; the share of one that is invalid or has no endpoints is ${lost}`),
  }),
  ...routeStatus(status),
});

const backendValidation: Statements = below('validation', {
  ...below('caCertificateRefs[]', localReference('`ConfigMap` (or `Secret`) with `ca.crt`')),
  wellKnownCACertificates: yes('`System`: those of the image of the proxy'),
  hostname: yes('sent as server name, and what the certificate must be for'),
  'subjectAltNames[].type': yes('`Hostname` or `URI`'),
  'subjectAltNames[].hostname': yes('what the certificate must be for, in place of the hostname'),
  'subjectAltNames[].uri': yes('such as a SPIFFE identity'),
});

const policyTests = ['translate/backendTLSPolicy/policies.in.yaml'];
const backendTests = ['translate/backend/kinds.in.yaml'];
const classTests = 'controllers/operator.integration.test.ts';

export const kinds: Record<string, KindStatements> = {
  GatewayClass: {
    text: 'Those whose controller is ours.',
    statements: {
      'spec.controllerName': yes('`sluice.dev/gateway-controller`; others are not touched', classTests),
      ...below('spec.parametersRef', {
        group: yes('`sluice.dev`', classTests),
        kind: yes('`GatewayConfiguration`: defaults for its Gateways', classTests),
        name: yes('one that does not exist: Accepted is False with `InvalidParameters`', classTests),
        namespace: yes('must be said', classTests),
      }),
      'spec.description': yes('for people', classTests),
      ...below('status', conditions(classTests, status)),
      'status.supportedFeatures[].name': yes('those that the installed definitions allow, by name', classTests),
    },
  },
  Gateway: {
    text: 'Each Gateway of a class of ours runs on a DataPlane and a ControlPlane that it owns, or on those that its GatewayConfiguration names.',
    statements: {
      'spec.gatewayClassName': yes('Gateways of other classes are not touched'),
      ...below('spec.listeners[]', listener),
      'spec.addresses[].type': yes(
        '`IPAddress`; else Accepted is False with `UnsupportedAddress`',
        'GatewayStaticAddresses',
        'GatewayOptionalAddressValue',
      ),
      'spec.addresses[].value': yes(
        'asked of the load balancer, `AddressNotUsable` where it does not give it; any address where it is not said',
        'GatewayStaticAddresses',
        'GatewayOptionalAddressValue',
      ),
      'spec.infrastructure.labels': yes(
        'on every object that is made for the Gateway',
        'GatewayInfrastructureMetadata',
      ),
      'spec.infrastructure.annotations': yes(
        'on every object that is made for the Gateway',
        'GatewayInfrastructureMetadata',
      ),
      ...below('spec.infrastructure.parametersRef', {
        group: yes('`sluice.dev`', 'GatewayInvalidParametersRef'),
        kind: yes(
          '`GatewayConfiguration`; else Accepted is False with `InvalidParameters`',
          'GatewayInvalidParametersRef',
        ),
        name: yes('of the same namespace', 'GatewayInvalidParametersRef'),
      }),
      'spec.allowedListeners.namespaces.from': yes('`None` (as where nothing is said), `Same`, `All`, `Selector`'),
      ...below('spec.allowedListeners.namespaces', labelSelector),
      'spec.defaultScope': yes('`All`: routes with `useDefaultGateways` attach'),
      ...below(
        'spec.tls.backend.clientCertificateRef',
        objectReference('`Secret` of type `kubernetes.io/tls`, shown to backends that TLS is spoken with'),
      ),
      ...below('spec.tls.frontend.default', clientValidation),
      'spec.tls.frontend.perPort[].port': yes('goes before the default for listeners of this port'),
      ...below('spec.tls.frontend.perPort[].tls', clientValidation),
      'status.addresses[].type': yes('`IPAddress` or `Hostname`', status),
      'status.addresses[].value': yes('where it is reached', status),
      'status.attachedListenerSets': yes('those that are accepted', 'translate/gateway/listenerSet.in.yaml'),
      ...below('status', conditions(status)),
      ...listenersStatus(status),
    },
  },
  HTTPRoute: {
    text: 'On listeners of protocol `HTTP` and `HTTPS`.',
    statements: {
      ...below('spec.parentRefs[]', parentRefs),
      'spec.useDefaultGateways': yes('`All`: the route attaches to every default Gateway that takes it'),
      'spec.hostnames': yes('exact or with a wildcard, as far as they and those of the listener intersect'),
      'spec.rules[].name': nameOfRule,
      'spec.rules[].matches[].path.type': yes('`Exact`, `PathPrefix`, `RegularExpression` (RE2)'),
      'spec.rules[].matches[].path.value': yes('a prefix ends at a slash; of several matches the most specific counts'),
      ...below('spec.rules[].matches[].headers[]', headerMatch),
      'spec.rules[].matches[].queryParams[].type': yes('`Exact`, `RegularExpression` (RE2, the whole value)'),
      'spec.rules[].matches[].queryParams[].name': yes('of equal names the first counts'),
      'spec.rules[].matches[].queryParams[].value': yes('as it is written'),
      'spec.rules[].matches[].method': yes('any but `CONNECT`'),
      ...below('spec.rules[].filters[]', httpFilters),
      ...below('spec.rules[].backendRefs[]', weightedBackendRef),
      ...below('spec.rules[].backendRefs[].filters[]', httpFilters),
      'spec.rules[].timeouts.request': yes(
        'from the end of the request to the end of the response; `0s` switches it off',
      ),
      'spec.rules[].timeouts.backendRequest': yes('of each try'),
      'spec.rules[].retry.codes': yes('beside failures to connect, which are always tried again'),
      'spec.rules[].retry.attempts': yes('tries beside the first'),
      'spec.rules[].retry.backoff': partly(
        'a random time below it before the second try, below twice that before the third, and so on up to ten times',
      ),
      ...below('spec.rules[].sessionPersistence', sessionPersistence),
      ...routeStatus(status),
    },
  },
  ListenerSet: {
    text: "Listeners beside those of a Gateway, as its `allowedListeners` lets in. The Gateway's own go before them, older sets before newer ones.",
    statements: {
      ...below('spec.parentRef', {
        group: yes('`gateway.networking.k8s.io`'),
        kind: yes('`Gateway`'),
        name: yes('of the Gateway'),
        namespace: yes('of any namespace, where the Gateway lets this one in'),
      }),
      ...below('spec.listeners[]', listener),
      ...below('status', conditions('translate/gateway/listenerSet.in.yaml')),
      ...listenersStatus('translate/gateway/listenerSet.in.yaml'),
    },
  },
  GRPCRoute: {
    text: 'On listeners of protocol `HTTP` and `HTTPS`, beside HTTPRoutes: only requests whose type is that of gRPC or gRPC-Web meet one. Backends are spoken to in HTTP/2, whatever an HTTPRoute does with the same port. What meets no rule gets `UNIMPLEMENTED`, what falls to an invalid backend `UNAVAILABLE`.',
    statements: {
      ...below('spec.parentRefs[]', parentRefs),
      'spec.useDefaultGateways': yes('`All`: the route attaches to every default Gateway that takes it'),
      'spec.hostnames': yes(
        'as of an HTTPRoute; of an HTTPRoute and a GRPCRoute that have hostnames of one listener in common the older is accepted, the other is not: `HostnameConflict`',
      ),
      'spec.rules[].name': nameOfRule,
      'spec.rules[].matches[].method.type': yes(
        '`Exact`, `RegularExpression` (RE2, of the whole name); exact values go before expressions, longer ones before shorter',
      ),
      'spec.rules[].matches[].method.service': yes('any service where it is not said'),
      'spec.rules[].matches[].method.method': yes('any method where it is not said'),
      ...below('spec.rules[].matches[].headers[]', headerMatch),
      ...below('spec.rules[].filters[]', grpcFilters),
      ...below('spec.rules[].backendRefs[]', weightedBackendRef),
      ...below('spec.rules[].backendRefs[].filters[]', grpcFilters),
      ...below('spec.rules[].sessionPersistence', sessionPersistence),
      ...routeStatus(status),
    },
  },
  TLSRoute: {
    text: 'On listeners of protocol `TLS`, whose TLS is passed on or ends here: chosen by server name, the most specific first; of several routes for one name the oldest is served. A listener may share its port with HTTPS.',
    statements: {
      ...streamRoute('connections', 'closed'),
      'spec.hostnames': yes(
        'server names, exact or with a wildcard, as far as they and that of the listener intersect',
      ),
    },
  },
  TCPRoute: {
    text: 'On listeners of protocol `TCP`. Of several routes on one listener the oldest is served.',
    statements: streamRoute('connections', 'closed'),
  },
  UDPRoute: {
    text: 'On listeners of protocol `UDP`. Of several routes on one listener the oldest is served. A client keeps its backend until it says nothing for a minute.',
    statements: streamRoute('sessions', 'dropped'),
  },
  BackendTLSPolicy: {
    text: 'TLS from the Gateway to a backend. Where it is invalid nothing is sent: requests get 500, never cleartext.',
    statements: {
      ...below('spec.targetRefs[]', {
        group: yes('that of Service (none), ServiceImport or XBackend'),
        kind: yes('`Service`, `ServiceImport` or `XBackend`'),
        name: yes('of the same namespace; of several policies the oldest counts, the others are `Conflicted`'),
        sectionName: yes('only this port, by name; goes before a policy for the whole Service'),
      }),
      ...below('spec', backendValidation),
      'spec.options': no('keys are ignored'),
      ...policyStatus(...policyTests),
    },
  },
  XBackend: {
    text: 'A host outside of the cluster as a backend. Experimental.',
    statements: {
      'spec.type': yes('`ExternalHostname`'),
      'spec.externalHostname.hostname': yes('resolved by DNS; not an address, nor a name of the cluster'),
      'spec.port.name': yes('for people'),
      'spec.port.port': yes('of the host'),
      'spec.protocol': yes('`HTTP`, `HTTP11`, `HTTP2`, `H2C`, `MCP`, `TCP`; as the route needs where it is not said'),
      'spec.tls.mode': yes('`None`, `ServerOnly`, `ClientAndServer`'),
      ...below('spec.tls.clientCertificateRef', objectReference('`Secret` of type `kubernetes.io/tls`')),
      ...below('spec.tls', backendValidation),
      ...routeStatus(...backendTests),
    },
  },
  XBackendTrafficPolicy: {
    text: 'Retry budget of a backend, and sessions with it. Experimental.',
    statements: {
      ...below('spec.targetRefs[]', {
        group: yes('that of Service (none), ServiceImport or XBackend'),
        kind: yes('`Service`, `ServiceImport` or `XBackend`'),
        name: yes('of the same namespace; of several policies the oldest counts, the others are `Conflicted`'),
      }),
      'spec.retryConstraint.budget.percent': yes('of requests that may be tries again'),
      'spec.retryConstraint.budget.interval': yes('over which they are counted'),
      'spec.retryConstraint.minRetryRate.count': yes('tries that are always allowed'),
      'spec.retryConstraint.minRetryRate.interval': yes('in this time'),
      ...below('spec.sessionPersistence', {
        ...sessionPersistence,
        sessionName: yes('as in rules of routes, whose own goes before it; the cookie is for no path in particular'),
      }),
      ...policyStatus(...policyTests),
    },
  },
  ReferenceGrant: {
    text: 'Versions v1 and v1beta1. Read wherever an object names one of another namespace.',
    statements: {
      'spec.from[].group': yes('as of the kind'),
      'spec.from[].kind': yes('a kind of route, `Gateway`, `ListenerSet` or `XBackend`'),
      'spec.from[].namespace': yes('whose objects may refer to here'),
      'spec.to[].group': yes('as of the kind'),
      'spec.to[].kind': yes('a kind of backend, `Secret` or `ConfigMap`'),
      'spec.to[].name': yes('only this one; all of the kind where it is not said'),
    },
  },
};
