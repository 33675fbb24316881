export { envoyAdmin, type EnvoyAdmin } from './envoyAdmin.ts';
export { drainOver, observeTraffic, startDrain, type DrainPolicy } from './drain.ts';
export { readTraffic, type Traffic } from './traffic.ts';
export { ShutdownManager, type ShutdownManagerOptions } from './shutdownManager.ts';
