/** Names that users, other controllers and proxies see. They are part of the API: none may change within a version. */

/** The API group of Sluice's kinds. */
export const group = 'sluice.dev';
/** The version of Sluice's kinds. */
export const version = 'v1alpha1';
/** `apiVersion` of Sluice's kinds. */
export const apiVersion = `${group}/${version}`;

/** `spec.controllerName` of the GatewayClasses that Sluice serves, and `controllerName` in what it writes to route status. */
export const controllerName = 'sluice.dev/gateway-controller';
/** The field owner of server-side apply. */
export const fieldOwner = 'sluice';
/** The GatewayClass that the default install creates. */
export const gatewayClassName = 'sluice';
/** The namespace of the default install. */
export const systemNamespace = 'sluice-system';
/** Held by the operator on a DataPlane, so that nothing of it outlives it. */
export const dataPlaneFinalizer = 'sluice.dev/data-plane';

/** Condition types. The first four are Gateway API's. */
export const conditionTypes = {
  accepted: 'Accepted',
  programmed: 'Programmed',
  resolvedRefs: 'ResolvedRefs',
  conflicted: 'Conflicted',
  ready: 'Ready',
  /** On routes, which have no such condition in the specification: every ready proxy has acknowledged the route. */
  routeProgrammed: 'sluice.dev/Programmed',
} as const;

/** Labels of what Sluice owns. Source: Kubernetes docs, "Recommended Labels"; Gateway API, GEP-1762. */
export const labels = {
  name: 'app.kubernetes.io/name',
  instance: 'app.kubernetes.io/instance',
  component: 'app.kubernetes.io/component',
  managedBy: 'app.kubernetes.io/managed-by',
  gatewayName: 'gateway.networking.k8s.io/gateway-name',
  gatewayClassName: 'gateway.networking.k8s.io/gateway-class-name',
  /** The DataPlane that an owned object belongs to. */
  dataPlane: 'sluice.dev/data-plane',
} as const;

/** Value of the label `app.kubernetes.io/managed-by`. */
export const managedBy = 'sluice';
