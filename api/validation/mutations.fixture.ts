/** Makes wrong objects of right ones, for tests that compare two validators. */

type Path = (string | number)[];

function* places(value: unknown, path: Path): Generator<{ path: Path; value: unknown }> {
  yield { path, value };
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* places(item, [...path, index]);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) yield* places(item, [...path, key]);
  }
}

/** A copy with another value at a place; `undefined` removes it. */
function changed(object: unknown, path: Path, value: unknown): unknown {
  const copy = structuredClone(object);
  let parent = copy as Record<string | number, unknown>;
  for (const step of path.slice(0, -1)) parent = parent[step] as Record<string | number, unknown>;
  const last = path.at(-1)!;
  if (value !== undefined) parent[last] = value;
  else if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete parent[last];
  return copy;
}

function* replacements(value: unknown): Generator {
  yield undefined;
  yield null;
  if (typeof value === 'string') {
    yield* [
      '',
      'no such thing',
      `${value}X`,
      `-${value}`,
      `/${value}//%2f`,
      value.repeat(200),
      5,
      true,
      { a: 'b' },
      [value],
    ];
  } else if (typeof value === 'number') {
    yield* [0, -1, 1.5, value + 1, 70_000, 2 ** 31, 2 ** 40, String(value), {}];
  } else if (typeof value === 'boolean') {
    yield* [!value, 'true', 1];
  } else if (Array.isArray(value)) {
    yield* [[], {}, 'x', [...value, ...value], [...value, null], Array.from({ length: 70 }, () => value[0])];
  } else {
    yield* [{}, [], 'x', 3, { ...(value as object), zzUnknown: 1 }];
  }
}

export interface Mutation {
  /** What was done, to name the case. */
  name: string;
  object: unknown;
}

/** Every single-place change of an object that is worth a try; what names the object (kind, namespace) stays. */
export function* mutations(object: { kind: string }): Generator<Mutation> {
  const kept = new Set(['apiVersion', 'kind', 'metadata', 'metadata.name', 'metadata.namespace', '']);
  for (const { path, value } of places(object, [])) {
    const spelled = path.join('.');
    if (kept.has(spelled)) continue;
    for (const replacement of replacements(value)) {
      yield {
        name: `${object.kind}: ${spelled} = ${replacement === undefined ? 'absent' : JSON.stringify(replacement).slice(0, 60)}`,
        object: changed(object, path, replacement),
      };
    }
  }
}
