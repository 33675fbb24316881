export { dataPlaneReconciler, type DataPlaneReconcilerOptions } from './controller.ts';
export { proxyPorts } from './podTemplate.ts';
export type { DataPlaneSettings } from './render.ts';
export type { DataPlaneStatusContribution, FleetConfiguration } from './status.ts';
export { dataPlaneOfPod, DataPlaneView, podsByDataPlane } from './view.ts';
