/**
 * The objects of all files, as an API server would hold them: one object for each name, the last good one where the present
 * one is wrong, with the metadata that an API server adds. No I/O and no clock: both come from outside.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

import type { KubernetesObject } from '../api/object.ts';
import { admit, describeObject, identify, type Identity, identityKey } from './admission.ts';
import { type LocatedObject, parseFile } from './documents.ts';
import type { KindEntry } from './kinds.ts';
import { formatPlace, type Place, type Problem } from './problem.ts';

/** An object in use. */
export interface CatalogObject {
  identity: Identity;
  /** Where it stands. */
  place: Place;
  /** Where a field of it stands. */
  locate: LocatedObject['locate'];
  /** With uid, generation, resourceVersion and creationTimestamp. */
  object: KubernetesObject;
}

/** One object that was added, changed or, where `after` is undefined, removed. */
export interface CatalogChange {
  key: string;
  entry: KindEntry;
  namespace: string;
  name: string;
  before: KubernetesObject | undefined;
  after: KubernetesObject | undefined;
}

export interface CatalogUpdate {
  changes: CatalogChange[];
  /** All that is wrong at present, in the order of files. */
  problems: Problem[];
  /** Objects that only a cluster makes something of. */
  leftOut: string[];
}

/** What was read of one file; without `bytes` and sentences, the file is gone. */
export interface FileContent {
  file: string;
  bytes?: Uint8Array;
  /** Why it cannot be read, in one sentence: its objects stay. */
  unreadable?: string;
  /** That it does not exist although the user named it, in one sentence. */
  missing?: string;
}

interface FileState {
  /** The last that could be parsed. */
  objects: LocatedObject[];
  problems: Problem[];
}

type Admission = { object: KubernetesObject } | { problems: readonly { path: string; problem: Problem }[] };

const keptSentence = 'What was loaded before stays in use.';

/** The same name gets the same uid in every run, so that files of --status-dir differ only where something changed. */
function uidOf(key: string): string {
  const hex = createHash('sha256').update(`sluice.dev/standalone/${key}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** All but metadata and status: what `metadata.generation` counts changes of. */
function desiredState(object: KubernetesObject): Record<string, unknown> {
  const { metadata: _metadata, status: _status, ...desired } = object;
  return { ...desired };
}

export class Catalog {
  readonly #now: () => Date;
  /** Insertion order is no order: `update` gets it. */
  readonly #files = new Map<string, FileState>();
  #order: readonly string[] = [];
  readonly #active = new Map<string, CatalogObject>();
  #admissions = new Map<string, Admission>();
  #resourceVersion = 0;

  /**
   * @param now for creationTimestamp
   */
  constructor(now: () => Date) {
    this.#now = now;
  }

  /** The objects in use. */
  objects(): IterableIterator<CatalogObject> {
    return this.#active.values();
  }

  /** Where an object in use stands. */
  placeOf(key: string): Place | undefined {
    return this.#active.get(key)?.place;
  }

  /**
   * Takes in files that were read anew.
   *
   * @param contents files that changed or are gone
   * @param order all files that there are, in the order in which the user named them: of two objects with one name the first stays
   */
  update(contents: Iterable<FileContent>, order: readonly string[]): CatalogUpdate {
    for (const content of contents) this.#read(content);
    const present = new Set(order);
    for (const file of this.#files.keys()) if (!present.has(file)) this.#files.delete(file);
    this.#order = order.filter((file) => this.#files.has(file));
    return this.#settle();
  }

  #read({ file, bytes, unreadable, missing }: FileContent): void {
    const before = this.#files.get(file);
    const keep = (before?.objects.length ?? 0) > 0 ? ` ${keptSentence}` : '';
    if (unreadable !== undefined) {
      const problem: Problem = { reason: 'Unreadable', file, message: `${unreadable}${keep}` };
      this.#files.set(file, { objects: before?.objects ?? [], problems: [problem] });
      return;
    }
    if (missing !== undefined) {
      this.#files.set(file, { objects: [], problems: [{ reason: 'Unreadable', file, message: missing }] });
      return;
    }
    if (bytes === undefined) {
      this.#files.delete(file);
      return;
    }
    const parsed = parseFile(file, bytes);
    if (parsed.broken) {
      const problems = parsed.problems.map((problem) => ({ ...problem, message: problem.message + keep }));
      this.#files.set(file, { objects: before?.objects ?? [], problems });
    } else {
      this.#files.set(file, { objects: parsed.objects, problems: parsed.problems });
    }
  }

  #settle(): CatalogUpdate {
    const problems: Problem[] = [];
    const leftOut: string[] = [];
    const candidates = new Map<string, { identity: Identity; located: LocatedObject[] }>();
    const unidentified = new Map<string, Problem>();
    for (const file of this.#order) {
      const state = this.#files.get(file)!;
      problems.push(...state.problems);
      for (const located of state.objects) {
        const identification = identify(located);
        if ('problem' in identification) {
          const problem = { ...identification.problem };
          problems.push(problem);
          unidentified.set(file, problem);
        } else if ('leftOut' in identification) {
          leftOut.push(identification.leftOut);
        } else {
          const key = identityKey(identification.identity);
          const entry = candidates.get(key);
          if (entry === undefined) candidates.set(key, { identity: identification.identity, located: [located] });
          else entry.located.push(located);
        }
      }
    }

    const changes: CatalogChange[] = [];
    const admissions = new Map<string, Admission>();
    for (const [key, { identity, located }] of candidates) {
      const active = this.#active.get(key);
      // The place that is in use keeps the name, so that a new file takes nothing away from an old one.
      const chosen = located.find(({ file }) => file === active?.place.file) ?? located[0]!;
      const place: Place = { file: chosen.file, ...chosen.position };
      for (const other of located) {
        if (other === chosen) continue;
        const who = describeObject(identity.entry.kind, identity.namespace, identity.name);
        const message = `${who} is stated a second time; the one at ${formatPlace(place.file, place)} is used: remove or rename one of the two.`;
        problems.push({ reason: 'Duplicate', file: other.file, position: other.position, message });
      }
      const admission = this.#admit(chosen, identity, admissions);
      if ('problems' in admission) {
        for (const [index, { path, problem }] of admission.problems.entries()) {
          const kept = active !== undefined && index === 0 ? ` ${keptSentence}` : '';
          problems.push({
            ...problem,
            file: chosen.file,
            position: chosen.locate(path),
            message: problem.message + kept,
          });
        }
        if (active !== undefined) active.place = place;
        continue;
      }
      const object = this.#withMetadata(key, identity, admission.object, active?.object);
      this.#active.set(key, { identity, place, locate: (path) => chosen.locate(path), object });
      if (object !== active?.object) changes.push(changeOf(key, identity, active?.object, object));
    }
    for (const [key, { identity, object, place }] of this.#active) {
      if (candidates.has(key)) continue;
      // A misspelt kind may be this object: it stays until all that its file says is understood.
      const suspect = unidentified.get(place.file);
      if (suspect !== undefined) {
        if (!suspect.message.endsWith(keptSentence)) suspect.message += ` ${keptSentence}`;
        continue;
      }
      this.#active.delete(key);
      changes.push(changeOf(key, identity, object, undefined));
    }
    this.#admissions = admissions;
    return { changes, problems, leftOut };
  }

  /** An object that stands in a changed file, but is itself as it was, is not checked again. */
  #admit(located: LocatedObject, identity: Identity, admissions: Map<string, Admission>): Admission {
    const text = JSON.stringify(located.value);
    let admission = this.#admissions.get(text) ?? admissions.get(text);
    if (admission === undefined) {
      const result = admit(located, identity);
      admission =
        'object' in result ? result : { problems: result.problems.map(({ path, ...problem }) => ({ path, problem })) };
    }
    admissions.set(text, admission);
    return admission;
  }

  /** Gives an object what the API server gives; an unchanged object stays the same one. */
  #withMetadata(
    key: string,
    { entry }: Identity,
    stated: KubernetesObject,
    before: KubernetesObject | undefined,
  ): KubernetesObject {
    const creationTimestamp =
      stated.metadata.creationTimestamp ??
      before?.metadata.creationTimestamp ??
      this.#now()
        .toISOString()
        .replace(/\.\d+Z$/, 'Z');
    const sameState = before !== undefined && isDeepStrictEqual(desiredState(before), desiredState(stated));
    const metadata: KubernetesObject['metadata'] = { ...stated.metadata, uid: uidOf(key), creationTimestamp };
    if (entry.kind === 'Namespace') {
      metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name };
    }
    if (entry.generation) metadata.generation = (before?.metadata.generation ?? 0) + (sameState ? 0 : 1);
    if (sameState) {
      const { resourceVersion: _resourceVersion, ...rest } = before.metadata;
      if (isDeepStrictEqual(rest, metadata)) return before;
    }
    metadata.resourceVersion = String(++this.#resourceVersion);
    return { ...stated, metadata };
  }
}

function changeOf(
  key: string,
  identity: Identity,
  before: KubernetesObject | undefined,
  after: KubernetesObject | undefined,
): CatalogChange {
  return { key, entry: identity.entry, namespace: identity.namespace, name: identity.name, before, after };
}
