/** Which way a request takes through what a translation made. */
export type { HeaderChange } from './action.ts';
export { describeRoute, type RouteReference } from './describe.ts';
export {
  explain,
  unservedBecause,
  type ExplainedAction,
  type ExplainedBackend,
  type Explanation,
  type ListenerReference,
  type Question,
  type SeenRequest,
} from './explain.ts';
export type { Connection } from './filterChain.ts';
export type { Inspection, Origin } from './inspection.ts';
export type { NearMiss } from './nearest.ts';
export { attachedRoute, reachedBackends, type AttachedRoute, type ReachedBackend } from './overview.ts';
export type { Transport } from './proxy.ts';
export type { HttpRequest } from './request.ts';
export { statusKey, takeSnapshot, type Snapshot } from './snapshot.ts';
