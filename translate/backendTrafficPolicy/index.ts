export { planBackendTrafficPolicy, type BackendTrafficPolicyPlan, type RetryBudget } from './policy.ts';
