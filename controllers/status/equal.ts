/** Equality of JSON values, in which a field that is undefined is one that is not there. */
export function jsonEqual(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one) || Array.isArray(other)) {
    if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false;
    return one.every((item, index) => jsonEqual(item, other[index]));
  }
  const left = definedEntries(one);
  const right = new Map(definedEntries(other));
  return left.length === right.size && left.every(([key, value]) => right.has(key) && jsonEqual(value, right.get(key)));
}

function definedEntries(object: object): [string, unknown][] {
  return Object.entries(object).filter((entry) => entry[1] !== undefined);
}

/**
 * Whether all of `part` is in `whole`: each field of an object, each item of a list in its place. What only `whole` has does
 * not count, as with the fields that an API server fills in.
 */
export function jsonContains(whole: unknown, part: unknown): boolean {
  if (whole === part) return true;
  if (typeof part !== 'object' || typeof whole !== 'object' || part === null || whole === null) return false;
  if (Array.isArray(part) || Array.isArray(whole)) {
    if (!Array.isArray(part) || !Array.isArray(whole) || part.length !== whole.length) return false;
    return part.every((item, index) => jsonContains(whole[index], item));
  }
  const fields = new Map(Object.entries(whole));
  return definedEntries(part).every(([key, value]) => jsonContains(fields.get(key), value));
}
