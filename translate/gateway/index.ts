export {
  attachedListeners,
  attachRoute,
  parentGateway,
  type AttachedListener,
  type AttachmentCollections,
  type ParentAttachment,
} from './attachment.ts';
export { planGateway, type GatewayPlan, type ListenerCollections, type ListenerPlan } from './listener.ts';
export { listenerId, planPort, tableName, type Conflict, type PortPlan, type Table } from './port.ts';
