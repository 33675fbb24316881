/** The gateway without Kubernetes: files in, a local Envoy out. */
export { findEnvoy, type EnvoyBinary } from './envoyBinary.ts';
export { parsePortMapping } from './portBook.ts';
export { parseServiceMapping, type ServiceMapping } from './serviceAddresses.ts';
export { type ErrorCode, exitCodes, messageOf, SluiceError } from './sluiceError.ts';
export { checkPaths, isSettled, Standalone, type StandaloneOptions } from './standalone.ts';
export { curlLines, renderSummary, type SummaryInput } from './summary.ts';
export { createLogger, type LogFormat } from './terminal.ts';
