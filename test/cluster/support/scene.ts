/** What a suite works in: a namespace of its own, applying objects and waiting for what becomes of them. */
import { afterAll, beforeAll } from 'vitest';
import type { Condition, KubernetesObject } from '../../../api/object.ts';
import type { Gateway, HTTPRoute, RouteParentStatus } from '../../../api/gateway/index.ts';
import { conditionTypes, controllerName } from '../../../api/names.ts';
import { resources } from '../../../controllers/resources.ts';
import { type Client, defineResource, type Resource } from '../../../runtime/index.ts';
import { waitFor } from '../../fixtures/index.ts';
import { kubectl, useClient } from './cluster.ts';
import type { Manifest } from './objects.ts';
import { send } from './request.ts';

const events = defineResource<EventObject>({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
});

/** Source: Kubernetes API reference, events.k8s.io/v1. */
export interface EventObject extends KubernetesObject {
  type: 'Normal' | 'Warning';
  reason: string;
  note: string;
  action: string;
  reportingController: string;
  regarding: { kind: string; namespace: string; name: string };
}

const byKind = new Map<string, Resource>(
  Object.values<Resource>(resources).map((resource) => [resource.kind, resource]),
);

/** Longer than the Pods of a data plane need to end. */
const endOfPods = 100_000;

/** A namespace of a test, and what is done in it. */
export class Scene {
  readonly client: Client;
  readonly namespace: string;
  readonly #others: Scene[] = [];

  constructor(client: Client, namespace: string) {
    this.client = client;
    this.namespace = namespace;
  }

  /** Another namespace, which goes with this one. */
  async another(name: string): Promise<Scene> {
    const other = await makeScene(this.client, name);
    this.#others.push(other);
    return other;
  }

  /** Creates or changes objects, in this namespace where they name none: `kubectl apply --server-side`. */
  async apply(...objects: readonly (KubernetesObject | Manifest)[]): Promise<void> {
    for (const object of objects) {
      const resource = resourceOf(object.kind);
      const namespace = object.metadata.namespace ?? this.namespace;
      await this.client.apply(resource, { ...object, metadata: { namespace, ...object.metadata } });
    }
  }

  /** Applies what admission would deny, as if the webhook were away: by the account that it leaves out. */
  async applyUnjudged(object: KubernetesObject | Manifest): Promise<void> {
    const manifest = { ...object, metadata: { namespace: this.namespace, ...object.metadata } };
    const operator = '--as=system:serviceaccount:sluice-system:sluice-operator';
    const words = ['apply', '--server-side', '--force-conflicts', operator, '--as-group=system:masters', '-f', '-'];
    await kubectl([...words, '--field-manager=tests'], JSON.stringify(manifest));
  }

  /** Deletes objects that were applied. */
  async remove(...objects: readonly KubernetesObject[]): Promise<void> {
    for (const { kind, metadata } of objects) {
      await this.client.delete(resourceOf(kind), { namespace: this.namespace, ...metadata });
    }
  }

  /** Reads an object of this namespace. */
  async get<T extends KubernetesObject>(resource: Resource<T>, name: string): Promise<T> {
    return await this.client.get(resource, { namespace: this.namespace, name });
  }

  /** Until an object is as it should be. @throws Error with the object, where that never happens */
  async until<T extends KubernetesObject>(
    what: string,
    resource: Resource<T>,
    name: string,
    isRight: (object: T) => boolean,
  ): Promise<T> {
    return await waitFor(
      what,
      async () => {
        const object = await this.get(resource, name);
        if (!isRight(object)) throw new Error(`${resource.kind} ${name} has ${JSON.stringify(object.status, null, 1)}`);
        return object;
      },
      { intervalMilliseconds: 50 },
    );
  }

  /** Until every Pod of the Deployments is there and ready. */
  async untilAvailable(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      await this.until(
        `Deployment ${name} to be available`,
        resources.deployments,
        name,
        ({ metadata, spec, status }) => {
          const wanted = spec?.replicas ?? 1;
          return (
            (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
            status?.updatedReplicas === wanted &&
            status.availableReplicas === wanted &&
            status.replicas === wanted
          );
        },
      );
    }
  }

  /**
   * Applies a Gateway and waits until it is programmed.
   * @returns its address
   */
  async applyGateway(object: Gateway): Promise<string> {
    await this.apply(object);
    return await this.untilProgrammed(object.metadata.name);
  }

  /**
   * Applies a Gateway and waits until it can be reached at its ports.
   * @param ports those that speak HTTP
   * @returns its address
   */
  async openGateway(object: Gateway, ports: readonly number[]): Promise<string> {
    const address = await this.applyGateway(object);
    // The way to the address is the node's to open, once the Service has it: nothing in the cluster tells when it has.
    for (const port of ports) {
      await waitFor(`${address}:${port} to be reached`, () => send({ address, port, host: 'any.example' }), {
        intervalMilliseconds: 50,
      });
    }
    return address;
  }

  /** Until a Gateway is programmed as it is now. @returns its address */
  async untilProgrammed(name: string): Promise<string> {
    const object = await this.until(`Gateway ${name} to be programmed`, resources.gateways, name, (candidate) =>
      isCurrent(candidate, candidate.status?.conditions, conditionTypes.programmed, 'True'),
    );
    const address = object.status?.addresses?.[0]?.value;
    if (address === undefined) throw new Error(`Gateway ${name} is programmed and has no address`);
    return address;
  }

  /** Applies a route and waits until the proxies have it: requests from now on get what it says. */
  async applyRoute(object: HTTPRoute): Promise<void> {
    await this.apply(object);
    const { name } = object.metadata;
    await this.until(`HTTPRoute ${name} to be programmed`, resources.httpRoutes, name, (route) => {
      const parents = ourParents(route);
      return (
        parents.length === (route.spec.parentRefs ?? []).length &&
        parents.every(({ conditions }) => isCurrent(route, conditions, conditionTypes.routeProgrammed, 'True'))
      );
    });
  }

  /** Until a route has a condition, on each of its parents that are ours. @returns the condition of the first */
  async untilRouteCondition(
    name: string,
    type: string,
    status: Condition['status'],
    isRight: (condition: Condition) => boolean = () => true,
  ): Promise<Condition> {
    const route = await this.until(
      `${type}=${status} on HTTPRoute ${name}`,
      resources.httpRoutes,
      name,
      (candidate) => {
        const parents = ourParents(candidate);
        return (
          parents.length > 0 &&
          parents.every(
            ({ conditions }) =>
              isCurrent(candidate, conditions, type, status) && isRight(findCondition(conditions, type)!),
          )
        );
      },
    );
    return findCondition(ourParents(route)[0]!.conditions, type)!;
  }

  /** Until a listener of a Gateway has a condition. */
  async untilListenerCondition(
    gateway: string,
    listener: string,
    type: string,
    status: Condition['status'],
    isRight: (condition: Condition) => boolean = () => true,
  ): Promise<Condition> {
    const conditionsOf = (object: Gateway): readonly Condition[] | undefined =>
      object.status?.listeners?.find(({ name }) => name === listener)?.conditions;
    const found = await this.until(
      `${type}=${status} on listener ${listener} of Gateway ${gateway}`,
      resources.gateways,
      gateway,
      (object) => {
        const conditions = conditionsOf(object);
        return isCurrent(object, conditions, type, status) && isRight(findCondition(conditions, type)!);
      },
    );
    return findCondition(conditionsOf(found), type)!;
  }

  /** Until a Gateway, DataPlane or ControlPlane has a condition. */
  async untilCondition<T extends KubernetesObject<unknown, { conditions?: unknown }>>(
    resource: Resource<T>,
    name: string,
    type: string,
    status: Condition['status'],
    isRight: (condition: Condition) => boolean = () => true,
  ): Promise<Condition> {
    const conditionsOf = (object: T): readonly Condition[] => (object.status?.conditions ?? []) as Condition[];
    const found = await this.until(`${type}=${status} on ${resource.kind} ${name}`, resource, name, (object) => {
      const conditions = conditionsOf(object);
      return isCurrent(object, conditions, type, status) && isRight(findCondition(conditions, type)!);
    });
    return findCondition(conditionsOf(found), type)!;
  }

  /** The name of the DataPlane that a Gateway made. */
  async dataPlaneOf(gateway: string): Promise<string> {
    const found = await waitFor(`the DataPlane of Gateway ${gateway}`, async () => {
      const { items } = await this.client.list(resources.dataPlanes, { namespace: this.namespace });
      return items.find(({ metadata }) =>
        metadata.ownerReferences?.some(({ kind, name }) => kind === 'Gateway' && name === gateway),
      );
    });
    return found.metadata.name;
  }

  /** Until an Event about an object has been recorded. */
  async untilEvent(
    about: { kind: string; name: string },
    isRight: (event: EventObject) => boolean,
  ): Promise<EventObject> {
    return await waitFor(`an Event about ${about.kind} ${about.name}`, async () => {
      const { items } = await this.client.list(events, { namespace: this.namespace });
      const all = items.filter(({ regarding }) => regarding.kind === about.kind && regarding.name === about.name);
      const found = all.find(isRight);
      if (found === undefined) {
        const told = all.map(({ type, reason, note }) => `${type} ${reason}: ${note}`);
        throw new Error(`There are ${all.length} Events:\n${told.join('\n')}`);
      }
      return found;
    });
  }

  /** Deletes the namespace and waits until nothing is left of it. */
  async end(): Promise<void> {
    const scenes = [this, ...this.#others];
    for (const scene of scenes) await scene.#stopPods();
    for (const scene of scenes) await this.client.delete(resources.namespaces, scene.namespace);
    for (const { namespace } of scenes) {
      await waitFor(
        `namespace ${namespace} to be gone`,
        async () => (await this.client.find(resources.namespaces, namespace)) === undefined,
        { milliseconds: endOfPods, intervalMilliseconds: 100 },
      );
    }
  }

  /** A namespace with Pods in it looks again only after half of their grace has passed: they are waited for before. */
  async #stopPods(): Promise<void> {
    const { client, namespace } = this;
    for (const resource of [resources.gateways, resources.dataPlanes, resources.deployments]) {
      const { items } = await client.list<KubernetesObject>(resource, { namespace });
      for (const { metadata } of items) {
        if (metadata.ownerReferences === undefined) await client.delete(resource, metadata);
      }
    }
    await waitFor(
      `the Pods in ${namespace} to end`,
      async () => (await client.list(resources.pods, { namespace })).items.length === 0,
      { milliseconds: endOfPods, intervalMilliseconds: 100 },
    );
  }
}

function resourceOf(kind: string): Resource {
  const resource = byKind.get(kind);
  if (resource === undefined) throw new Error(`Kind ${kind} is not in controllers/resources.ts`);
  return resource;
}

/** The entries of a route's status that are ours. */
export function ourParents(route: HTTPRoute): RouteParentStatus[] {
  return (route.status?.parents ?? []).filter((parent) => parent.controllerName === controllerName);
}

/** A condition by its type. */
export function findCondition(conditions: unknown, type: string): Condition | undefined {
  return ((conditions ?? []) as readonly Condition[]).find((condition) => condition.type === type);
}

/** Whether a condition has a status, and was said of the object as it is now. */
export function isCurrent(
  object: KubernetesObject,
  conditions: unknown,
  type: string,
  status: Condition['status'],
): boolean {
  const condition = findCondition(conditions, type);
  return condition?.status === status && condition.observedGeneration === object.metadata.generation;
}

/** Makes a namespace. */
async function makeScene(client: Client, name: string): Promise<Scene> {
  const namespace = `${name}-${crypto.randomUUID().slice(0, 8)}`;
  await client.create(resources.namespaces, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { 'sluice.dev/made-by': 'cluster-tests' } },
  });
  return new Scene(client, namespace);
}

/** A namespace for the tests of a file: there before the first, gone after the last. */
export function useScene(name: string): () => Scene {
  const client = useClient();
  let scene: Scene | undefined;
  beforeAll(async () => {
    scene = await makeScene(client, name);
  });
  afterAll(async () => {
    await scene?.end();
  });
  return () => scene!;
}
