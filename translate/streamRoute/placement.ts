/**
 * Where a stream route stands: on which ports, under which server names, and which of several routes is served there.
 * Source: Gateway API, TLSRouteSpec.hostnames; "Conflicts" in its API design guide: the oldest route, then the first by name.
 */
import { attachedListeners, listenerId, portKey, type ParentAttachment, type PortPlan } from '../gateway/index.ts';
import { mostSpecific } from '../httpRoute/hostname.ts';
import type { Member } from '../incremental/index.ts';
import { targetName, type StreamTarget, type TranslatedStream } from './route.ts';

/** A place that one route can have: a port, and a server name where names tell its connections apart. */
export interface StreamPlace {
  /** See `portKey`. */
  port: string;
  /** Empty for any. */
  hostname: string;
}

export interface StreamPlacement {
  seniority: string;
  /** By `placeKey`. */
  places: ReadonlyMap<string, StreamPlace & { target: StreamTarget }>;
}

/** Who is served in a place. */
export interface Leader extends StreamPlace {
  /** Id of the route. */
  route: string;
  target: StreamTarget;
}

export function placeKey({ port, hostname }: StreamPlace): string {
  return `${port}|${hostname}`;
}

/**
 * The places that a route asks for.
 * @param parents those that accept it
 */
export function placeStream(
  stream: TranslatedStream,
  parents: readonly ParentAttachment[],
  ports: (key: string) => PortPlan | undefined,
): StreamPlacement {
  const places = new Map<string, StreamPlace & { target: StreamTarget }>();
  for (const { listener, hostnames } of attachedListeners(parents).values()) {
    const port = portKey(listener);
    const plan = ports(port);
    if (plan === undefined || !plan.listeners.some((served) => listenerId(served) === listenerId(listener))) continue;
    const target = stream.targets[targetName(listener)];
    if (target === undefined) continue;
    const known = plan.listeners.map(({ hostname }) => hostname);
    for (const hostname of hostnames) {
      // A hostname belongs to the most specific listener of its port alone: listeners are isolated.
      if (mostSpecific(known, hostname) !== listener.hostname) continue;
      places.set(placeKey({ port, hostname }), { port, hostname, target });
    }
  }
  return { seniority: stream.seniority, places };
}

/** @param key of a place, for which all of `members` ask */
export function leaderOf(members: readonly Member<StreamPlacement>[], key: string): Leader {
  const winner = members.reduce((best, member) => (member.value.seniority < best.value.seniority ? member : best));
  return { route: winner.key, ...winner.value.places.get(key)! };
}
