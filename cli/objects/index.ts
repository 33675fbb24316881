/** The objects that commands answer questions about. */
export { fleetsOf, type Fleet } from './fleets.ts';
export type { Gathered } from './gathered.ts';
export { gatherObjects, sourceOptions, type SourceOptions } from './options.ts';
