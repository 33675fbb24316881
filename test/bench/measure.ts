/** The measurement that is the same whatever serves: edits one by one, each timed until a client gets what it asks for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Answers, Prober, SteadyClient, type GatewayAddress } from './prober.ts';
import { backends, loadName, type Edit } from './workload.ts';

/** What is measured. */
export interface System {
  gateway: GatewayAddress;
  /** Work before an edit that does not belong to it. */
  prepare?(edit: Edit): Promise<void>;
  /** Makes an edit. Resolves once the system says that proxies have it; undefined where it has no way to say so. */
  apply(edit: Edit): Promise<void> | undefined;
}

/** Milliseconds of each edit. */
export interface EditTimes {
  /** From the edit to the first answer that shows it. */
  served: number[];
  /** From the edit to the system's word that it is programmed. */
  programmed: number[];
}

export interface Measurement {
  added: EditTimes;
  switched: EditTimes;
  /** Answers to the client that waits for edits; 404 is what a route that is not there yet answers. */
  probed: Answers;
  /** Answers to the steady client, for routes that nobody edits; undefined where none ran. */
  steady: Answers | undefined;
}

const pause = 100;

export interface MeasureOptions {
  /** How many routes are added, and how many times one route is switched to the other backend. */
  edits: number;
  /** How many routes are there that stay as they are. */
  routes: number;
  /** Whether a client of those runs besides. */
  steady: boolean;
  /** Ends it early. */
  signal: AbortSignal;
  /** Distinguishes the names of the routes that are added. */
  round: string;
}

/** The names of the routes that `measure` makes; they are left there. */
export function editedRoutes({ edits, round }: Pick<MeasureOptions, 'edits' | 'round'>): string[] {
  return [switchedRoute(round), ...Array.from({ length: edits }, (_, index) => addedRoute(round, index))];
}

function switchedRoute(round: string): string {
  return `switch-${round}`;
}

function addedRoute(round: string, index: number): string {
  return `add-${round}-${index}`;
}

export async function measure(system: System, options: MeasureOptions): Promise<Measurement> {
  const prober = new Prober(system.gateway);
  const unedited = Array.from({ length: options.routes }, (_, index) => loadName(index));
  const steady = options.steady ? new SteadyClient(system.gateway, unedited) : undefined;
  const added: EditTimes = { served: [], programmed: [] };
  const switched: EditTimes = { served: [], programmed: [] };
  let steadyAnswers: Answers | undefined;
  try {
    for (let index = 0; index < options.edits; index++) {
      options.signal.throwIfAborted();
      await timeEdit(system, prober, { route: addedRoute(options.round, index), backend: backends[0]! }, added);
    }
    const route = switchedRoute(options.round);
    await timeEdit(system, prober, { route, backend: backends[0]! }, { served: [], programmed: [] });
    for (let index = 1; index <= options.edits; index++) {
      options.signal.throwIfAborted();
      await timeEdit(system, prober, { route, backend: backends[index % backends.length]! }, switched);
    }
  } finally {
    steadyAnswers = await steady?.stop();
    await prober.close();
  }
  return { added, switched, probed: prober.answers, steady: steadyAnswers };
}

async function timeEdit(system: System, prober: Prober, edit: Edit, times: EditTimes): Promise<void> {
  await system.prepare?.(edit);
  const start = performance.now();
  const programmed = system.apply(edit)?.then(() => times.programmed.push(performance.now() - start));
  const served = prober.until(edit.route, edit.backend).then((at) => times.served.push(at - start));
  await Promise.all([programmed, served]);
  await sleep(pause);
}
