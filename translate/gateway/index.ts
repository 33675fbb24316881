export {
  acceptedParents,
  attachedListeners,
  attachRoute,
  defaultScope,
  parentGateway,
  parentOf,
  wantsDefaultGateways,
  type AttachedListener,
  type AttachmentCollections,
  type ParentAttachment,
} from './attachment.ts';
export type { ClientValidation } from './clientValidation.ts';
export {
  planGateway,
  type GatewayPlan,
  type ListenerCollections,
  type ListenerOwner,
  type ListenerPlan,
} from './listener.ts';
export { listenerSetGateway, planListenerSet, type ListenerSetPlan } from './listenerSet.ts';
export { listenerId, planPort, portKey, tableName, type Conflict, type PortPlan, type Table } from './port.ts';
export { tlsOptions, type TLSOptions } from './tlsOptions.ts';
export { contend, judge, rivalKeys, withoutLost, type Contender, type Verdicts } from './rivals.ts';
