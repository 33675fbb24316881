/** Asks the fleets of a set of objects, and chooses whose answers are told. */
import type { Gateway } from '../../api/gateway/index.ts';
import { conditionTypes, controllerName } from '../../api/names.ts';
import { keyOf, objectKey, type ObjectKey } from '../../api/object.ts';
import { SluiceError } from '../../standalone/sluiceError.ts';
import { type AnyRoute, explain, type Explanation } from '../../translate/index.ts';
import { type Fleet, fleetsOf, type Gathered } from '../objects/index.ts';
import type { AskedRequest } from './request.ts';

/** What the proxies of some Gateways do with the request. */
export interface Answer extends Explanation {
  gateways: ObjectKey[];
}

/** The answers, the best first; those of Gateways that know less of the request are left out and only named. */
export interface Answers {
  met: boolean;
  answers: Answer[];
  /** One sentence each. */
  notes: string[];
}

/**
 * @param wanted `[NAMESPACE/]NAME` of --gateway
 * @throws SluiceError InvalidArgument where there is no such Gateway
 */
export function answer(gathered: Gathered, asked: AskedRequest, wanted: string | undefined): Answers {
  const gateways = gathered.of<Gateway>('Gateway');
  const foreign = gateways.flatMap((gateway) => {
    const found = gathered.gatewayClass(gateway.spec.gatewayClassName);
    return 'foreign' in found ? [{ key: objectKey(gateway), why: found.foreign }] : [];
  });
  const fleets = fleetsOf(gathered);
  if (wanted !== undefined) {
    const key = wanted.includes('/') ? wanted : keyOf(gathered.namespace, wanted);
    const fleet = fleets.find((each) => each.gateways.some((gateway) => objectKey(gateway) === key));
    if (fleet !== undefined) return chosen([ask(gathered, fleet, asked)], []);
    const other = foreign.find((each) => each.key === key);
    if (other !== undefined) return { met: false, answers: [], notes: [`Gateway ${key} is not served. ${other.why}.`] };
    const there = gateways.map(objectKey).toSorted();
    const list = there.length === 0 ? 'there is none' : `there is ${there.join(', ')}`;
    throw new SluiceError(
      'InvalidArgument',
      `There is no Gateway ${key} in ${gathered.source}: ${list}; correct --gateway or -n.`,
    );
  }
  if (fleets.length === 0) {
    const notes = foreign.map(({ key, why }) => `Gateway ${key} is not served. ${why}.`);
    return {
      met: false,
      answers: [],
      notes: notes.length > 0 ? notes : [`There is no Gateway in ${gathered.source}.`],
    };
  }
  // Who asks for an address means the Gateway that has it.
  const byAddress = fleets.filter(({ gateways: members }) =>
    members.some(({ status }) => (status?.addresses ?? []).some(({ value }) => value === asked.host)),
  );
  const candidates = byAddress.length > 0 ? byAddress : fleets;
  const answers = candidates.map((fleet) => ask(gathered, fleet, asked));
  const best = Math.max(...answers.map(rank));
  return chosen(
    answers.filter((each) => rank(each) === best),
    answers.filter((each) => rank(each) < best).flatMap((each) => each.gateways),
  );
}

function chosen(answers: Answer[], others: readonly ObjectKey[]): Answers {
  const notes: string[] = [];
  if (others.length > 0) {
    const some = others.slice(0, 5).join(', ');
    const rest = others.length > 5 ? ` and ${others.length - 5} more` : '';
    notes.push(`Not told here, because they know less of it: Gateway ${some}${rest}; ask with --gateway.`);
  }
  return { met: answers.some(({ met }) => met), answers, notes };
}

/** How far the request gets. */
function rank({ met, hostname, listener, nearest }: Explanation): number {
  if (met) return 3;
  if (hostname !== undefined && (hostname !== '*' || nearest.length > 0)) return 2;
  return listener === undefined ? 0 : 1;
}

function ask(gathered: Gathered, { gateways, snapshot, notes }: Fleet, { question }: AskedRequest): Answer {
  const explanation = explain(snapshot, question);
  const stored = gathered.hasStatus ? storedNotes(gathered, explanation) : [];
  return {
    ...explanation,
    gateways: gateways.map(objectKey).toSorted(),
    notes: [...explanation.notes, ...notes.map((note) => note.replace(/[.]$/, '')), ...stored],
  };
}

/** What the cluster says otherwise of the objects on the way: what is written is not what proxies have yet. */
function storedNotes(gathered: Gathered, { listener, route }: Explanation): string[] {
  const result: string[] = [];
  if (listener !== undefined) {
    const gateway = gathered.of<Gateway>('Gateway').find((object) => objectKey(object) === listener.gateway);
    const programmed = conditionOf(gateway?.status?.conditions, conditionTypes.programmed);
    if (programmed?.status !== 'True') {
      const why = programmed === undefined ? 'nothing was said of it yet' : programmed.message;
      result.push(`Gateway ${listener.gateway} is not programmed: ${why}`);
    }
  }
  if (route !== undefined) {
    const key = keyOf(route.namespace, route.name);
    const object = gathered.of<AnyRoute>(route.kind).find((each) => objectKey(each) === key);
    for (const { conditions, controllerName: by } of object?.status?.parents ?? []) {
      if (by !== controllerName) continue;
      for (const type of [conditionTypes.accepted, conditionTypes.routeProgrammed]) {
        const found = conditionOf(conditions, type);
        if (found?.status === 'False') result.push(`${route.kind} ${key} has ${type}=False: ${found.message}`);
      }
    }
  }
  return [...new Set(result)];
}

function conditionOf<T extends { type: string }>(conditions: readonly T[] | undefined, type: string): T | undefined {
  return conditions?.find((each) => each.type === type);
}
