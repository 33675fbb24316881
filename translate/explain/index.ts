/** Which way a request takes through what a translation made. */
export type { Inspection, Origin } from './inspection.ts';
