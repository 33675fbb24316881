/** Admission: what can never be valid is denied, what leads nowhere yet is told. */
export { type AdmissionRequest, type Verdict } from './admissionReview.ts';
export { validationPath, WebhookServer, type WebhookServerOptions } from './server.ts';
export type { BackendKind, Objects, Surroundings } from './surroundings.ts';
export { validate } from './validator.ts';
