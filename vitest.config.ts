/**
 * unit         beside the code, in-process only
 * integration  beside the code, against a real kube-apiserver and a real Envoy on loopback
 * cluster      in test/cluster, against a real cluster with the operator running in it (make cluster-up)
 */
import { defineConfig } from 'vitest/config';

const exclude = ['**/node_modules/**', '**/dist/**'];
// Far beyond what anything takes: it ends a test that hangs.
const patience = { testTimeout: 120_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...exclude, '**/*.integration.test.ts', 'test/cluster/**'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['**/*.integration.test.ts'],
          exclude: [...exclude, 'test/cluster/**'],
          globalSetup: ['test/fixtures/kubeApiServerSetup.ts'],
          ...patience,
        },
      },
      {
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          exclude,
          // Suites share one cluster and disturb it: the operator is killed, the API server restarts.
          fileParallelism: false,
          ...patience,
        },
      },
    ],
  },
});
