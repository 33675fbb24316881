export {
  describeTarget,
  policyFor,
  policySeniority,
  targetKey,
  targetsAccepted,
  type PolicyPlan,
  type PolicyTarget,
} from './precedence.ts';
export { backendsOf, gatewayAncestor, reachingGateways, type RouteReach } from './reach.ts';
export { policyContribution, type PolicyStatusCollections } from './status.ts';
