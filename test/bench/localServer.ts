/** What the servers that are measured on loopback have in common. */
import type { TranslatorOptions } from '../../translate/index.ts';
import type { LocalSetup, Usage } from './serverProcess.ts';

export function translatorOptions({ listenerPort, readinessPort }: LocalSetup): TranslatorOptions {
  return {
    binding: { address: '127.0.0.1', port: () => listenerPort },
    readiness: { address: '127.0.0.1', port: readinessPort },
  };
}

/** Of this process. */
export function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { memory: process.memoryUsage.rss(), cpu: (user + system) / 1e6 };
}
