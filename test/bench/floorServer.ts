/**
 * The floor: a delta ADS server with nothing else to do. It is given the very resources that Sluice would send, encodes each
 * response before its time, and then only writes it.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Server, ServerCredentials, type ServerDuplexStream, type ServiceDefinition } from '@grpc/grpc-js';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '../../api/envoy/envoy/service/discovery/v3/discovery_pb.ts';
import { type EncodedResource, type ResourceType, resourceTypeUrl } from '../../api/resource.ts';
import { Translator } from '../../translate/index.ts';
import { CpuProfile } from './cpuProfile.ts';
import { serveParent } from './serverProcess.ts';
import { initialChanges, routeChange } from './workload.ts';
import { translatorOptions, usage } from './localServer.ts';

type Call = ServerDuplexStream<DeltaDiscoveryRequest, Buffer>;

const namespace = 'bench';
const resources = new Map<ResourceType, Map<string, EncodedResource>>();
const acknowledged = new Map<string, (error: string | undefined) => void>();
const profile = new CpuProfile();
let translator: Translator;
let call: Call | undefined;
let nonces = 0;
let generation = 1;
let prepared: { nonce: string; bytes: Buffer };

const service: ServiceDefinition = {
  deltaAggregatedResources: {
    path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
    requestStream: true,
    responseStream: true,
    requestSerialize: (request: DeltaDiscoveryRequest) => Buffer.from(toBinary(DeltaDiscoveryRequestSchema, request)),
    requestDeserialize: (bytes: Buffer) => fromBinary(DeltaDiscoveryRequestSchema, bytes),
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: (bytes: Buffer) => bytes,
  },
};

function response(type: ResourceType): { nonce: string; bytes: Buffer } {
  const nonce = String(++nonces);
  const typeUrl = resourceTypeUrl[type];
  const message = create(DeltaDiscoveryResponseSchema, {
    typeUrl,
    nonce,
    resources: [...(resources.get(type)?.values() ?? [])].map(({ name, version, bytes }) => ({
      name,
      version,
      resource: { typeUrl, value: bytes },
    })),
  });
  return { nonce, bytes: Buffer.from(toBinary(DeltaDiscoveryResponseSchema, message)) };
}

function receive(from: Call, request: DeltaDiscoveryRequest): void {
  if (request.responseNonce !== '') {
    acknowledged.get(request.responseNonce)?.(request.errorDetail?.message);
    acknowledged.delete(request.responseNonce);
  }
  // The first request of a type has no nonce; a later one that subscribes asks for more.
  if (request.responseNonce !== '' && request.resourceNamesSubscribe.length === 0) return;
  for (const [type, typeUrl] of Object.entries(resourceTypeUrl)) {
    if (typeUrl === request.typeUrl) from.write(response(type as ResourceType).bytes);
  }
}

function translate(): void {
  while (translator.hasWork) {
    translator.step(() => false);
    for (const { type, name, resource } of translator.takeOutput().resources) {
      let ofType = resources.get(type);
      if (ofType === undefined) resources.set(type, (ofType = new Map()));
      if (resource === undefined) ofType.delete(name);
      else ofType.set(name, resource);
    }
  }
}

serveParent({
  async start(setup) {
    translator = new Translator(translatorOptions(setup));
    translator.apply(initialChanges(namespace, setup.routes, setup.backendPorts));
    translate();
    const server = new Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
    server.addService(service, {
      deltaAggregatedResources: (opened: Call) => {
        call = opened;
        opened.on('data', (request: DeltaDiscoveryRequest) => receive(opened, request));
        opened.on('error', () => undefined); // Envoy goes away at the end
      },
    });
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${setup.socketPath}`, ServerCredentials.createInsecure(), (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
    return null;
  },
  prepare(edit) {
    translator.apply([routeChange(namespace, edit, ++generation)]);
    translate();
    prepared = response('route');
    return Promise.resolve(null);
  },
  apply() {
    return new Promise((resolve, reject) => {
      acknowledged.set(prepared.nonce, (error) => {
        if (error === undefined) resolve(null);
        else reject(new Error(`Envoy refused the routes: ${error}`));
      });
      call?.write(prepared.bytes);
    });
  },
  usage: () => Promise.resolve(usage()),
  profile: (file) => profile.toggle(file),
});
