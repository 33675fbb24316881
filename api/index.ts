/** The kinds that Sluice defines and reads. `api/gateway` holds Gateway API's, `api/validation` checks both. */
export * from './controlPlane.ts';
export * from './core.ts';
export * from './dataPlane.ts';
export * from './gatewayConfiguration.ts';
export { type KindDefinition, type PrinterColumn, type ReasonOf, type ReasonTable } from './kind.ts';
export { kinds } from './kinds.ts';
export * from './names.ts';
export * from './object.ts';
export * from './resource.ts';
