export {
  planBackendTLSPolicy,
  planValidation,
  type BackendTLS,
  type BackendTLSPolicyPlan,
  type Blocked,
} from './policy.ts';
