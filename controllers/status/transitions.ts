/** Which changes of conditions are worth an Event. */
import type { ExistingCondition } from './conditions.ts';

/** A condition that turned good or bad. */
export interface Transition {
  /** What the condition is about, for example a listener; empty for the object as a whole. */
  about: string;
  condition: ExistingCondition;
  type: 'Normal' | 'Warning';
}

/** Reasons that mean work in progress: nobody is told. */
const inProgress = new Set(['Pending', 'Starting', 'AddressPending', 'AddressNotAssigned', 'NotReady', 'NoProxies']);
/** Condition types for which True is the bad news. */
const negative = new Set(['Conflicted', 'PartiallyInvalid', 'OverlappingTLSConfig', 'InsecureFrontendValidationMode']);
/** Conditions that repeat others, or say who uses an object. */
const untold = new Set(['Referenced']);

/**
 * Conditions that turned bad, or are bad from the start, and those that were bad and turned good. A new object that is good
 * is no news: thousands of routes would each make Events.
 */
export function transitions(
  before: ReadonlyMap<string, readonly ExistingCondition[]>,
  after: ReadonlyMap<string, readonly ExistingCondition[]>,
): Transition[] {
  const result: Transition[] = [];
  /** One cause often turns several conditions, each with the same words: they are told once. */
  const told = new Set<string>();
  const tell = (transition: Transition): void => {
    const words = `${transition.type} ${transition.condition.message ?? ''}`;
    if (transition.condition.message !== undefined && transition.condition.message !== '' && told.has(words)) return;
    told.add(words);
    result.push(transition);
  };
  for (const [about, conditions] of after) {
    const previous = new Map((before.get(about) ?? []).map((condition) => [condition.type, condition]));
    for (const condition of conditions) {
      if (untold.has(condition.type)) continue;
      const was = previous.get(condition.type);
      const good = isGood(condition);
      if (good) {
        if (was !== undefined && isBad(was)) tell({ about, condition, type: 'Normal' });
      } else if (
        isBad(condition) &&
        (was === undefined || was.status !== condition.status || was.reason !== condition.reason)
      ) {
        tell({ about, condition, type: 'Warning' });
      }
    }
  }
  return result;
}

function isGood({ type, status }: ExistingCondition): boolean {
  return status === (negative.has(type) ? 'False' : 'True');
}

function isBad(condition: ExistingCondition): boolean {
  return condition.status !== 'Unknown' && !isGood(condition) && !inProgress.has(condition.reason ?? '');
}
