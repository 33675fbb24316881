/** What a translator lets be seen of its insides: what stands where, and what it came from. */
import type { ObjectKey } from '../../api/object.ts';
import type { GatewayPlan, ParentAttachment, PortPlan } from '../gateway/index.ts';
import type { RuleFinding } from '../httpRoute/route.ts';
import type { AnyRoute } from '../sources.ts';

/** What an Envoy route came from. */
export interface Origin {
  /** Id of the route: `HTTPRoute/namespace/name`. */
  route: string;
  /** Positions of the rule, and of the match within it. */
  rule: number;
  match: number;
}

/** A route that takes connections or datagrams as they come. */
export interface ServedStream {
  /** Id of the route. */
  route: string;
  backends: readonly { cluster: string; weight: number }[];
  /** The weight of backends that are invalid. */
  rejected: number;
}

export interface Inspection {
  gateways: ReadonlyMap<ObjectKey, GatewayPlan>;
  /** By `portKey`. */
  ports: ReadonlyMap<string, PortPlan>;
  /** The Gateways and ListenerSets that a route names, and what came of it, by the id of the route. */
  parents: ReadonlyMap<string, readonly ParentAttachment[]>;
  /** What keeps the rules of a route from being served as they are written, by their position. */
  findings: (route: string) => readonly RuleFinding[];
  /** The route itself. */
  route: (route: string) => AnyRoute | undefined;
  /** The route that takes the connections of a port, told apart by server name; the hostname is empty for any. */
  streamOf: (port: string, hostname: string) => ServedStream | undefined;
  /** What the routes of a virtual host came from, in the order in which they stand in it; the hostname is empty for any. */
  routesOf: (table: string, hostname: string) => Origin[];
}
