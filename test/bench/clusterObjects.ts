/** The objects of the benchmark that only a cluster needs: its namespace, and backends as Pods. */
import type { Service } from '../../api/core.ts';
import type { KubernetesObject } from '../../api/object.ts';
import { type ApplyConfiguration, defineResource } from '../../runtime/index.ts';
import { backendPort, type Backend } from './workload.ts';

type Deployment = KubernetesObject<object, { readyReplicas?: number }>;
export const deployments = defineResource<Deployment>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
});
type Pod = KubernetesObject<object, { podIP?: string }>;
export const pods = defineResource<Pod>({ group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true });

/** echo-basic of Gateway API's conformance suite, which hack/cluster/up brings into the cluster. */
const echoImage = 'sluice.dev/echo:dev';
const echoPort = 3000;

/** It answers with the name of its Pod, which begins with its own. */
export function backendDeployment(namespace: string, name: Backend): ApplyConfiguration<Deployment> {
  return {
    metadata: { namespace, name },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'echo',
              image: echoImage,
              imagePullPolicy: 'IfNotPresent',
              env: [
                { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
                { name: 'NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
              ],
              readinessProbe: { httpGet: { path: '/health', port: echoPort }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  };
}

export function backendService(namespace: string, name: Backend): ApplyConfiguration<Service> {
  return {
    metadata: { namespace, name },
    spec: { selector: { app: name }, ports: [{ port: backendPort, targetPort: echoPort }] },
  };
}
