/** Sluice without Kubernetes: objects come from the parent instead of an API server, and reports go nowhere. */
import { pino } from 'pino';
import { conditionTypes } from '../../api/names.ts';
import { keyOf, type ObjectKey } from '../../api/object.ts';
import { ControlPlane, Scheduler, type StatusReport } from '../../controlplane/index.ts';
import { DiscoveryServer, ResourceStore } from '../../xds/index.ts';
import { CpuProfile } from './cpuProfile.ts';
import { translatorOptions, usage } from './localServer.ts';
import { serveParent } from './serverProcess.ts';
import { initialChanges, routeChange } from './workload.ts';

const namespace = 'bench';
const logger = pino({ level: 'error' });
const store = new ResourceStore();
const profile = new CpuProfile();
/** By route: the generation that somebody waits for. */
const waiting = new Map<ObjectKey, { generation: number; resolve: () => void }>();
let controlPlane: ControlPlane;
let generation = 1;

function reported(key: ObjectKey, report: StatusReport | undefined): void {
  const waits = waiting.get(key);
  if (report?.kind !== 'HTTPRoute' || waits === undefined || report.generation !== waits.generation) return;
  const isProgrammed = report.parents.every(({ conditions }) =>
    conditions.some(({ type, status }) => type === conditionTypes.routeProgrammed && status === 'True'),
  );
  if (!isProgrammed) return;
  waiting.delete(key);
  waits.resolve();
}

serveParent({
  async start(setup) {
    controlPlane = new ControlPlane({
      name: 'bench',
      translator: translatorOptions(setup),
      store,
      scheduler: new Scheduler(),
      onStatus: (reports) => reports.forEach(({ key, report }) => reported(key, report)),
      logger,
    });
    const server = new DiscoveryServer({ authenticate: () => ({ ok: 'bench' }), stores: () => store, logger });
    await server.listen(`unix:${setup.socketPath}`);
    controlPlane.apply(initialChanges(namespace, setup.routes, setup.backendPorts));
    controlPlane.synced();
    return null;
  },
  prepare: () => Promise.resolve(null),
  apply(edit) {
    return new Promise((resolve) => {
      generation++;
      waiting.set(keyOf(namespace, edit.route), { generation, resolve: () => resolve(null) });
      controlPlane.apply([routeChange(namespace, edit, generation)]);
    });
  },
  usage: () => Promise.resolve(usage()),
  profile: (file) => profile.toggle(file),
});
