/**
 * Strategic merge of a Pod template: objects are merged field by field, lists of things that have a key are merged by that key,
 * other lists are replaced, and `null` or `$patch: delete` removes.
 * Source: Kubernetes docs, "Update API Objects in Place Using kubectl patch"; merge keys from the Go types of `core/v1`.
 */

export type Json = string | number | boolean | null | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** The fields of a Pod template that are lists with a key, and the key. */
const mergeKeys: Record<string, readonly string[]> = {
  containers: ['name'],
  initContainers: ['name'],
  ephemeralContainers: ['name'],
  env: ['name'],
  volumes: ['name'],
  imagePullSecrets: ['name'],
  resourceClaims: ['name'],
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  ports: ['containerPort', 'protocol'],
  hostAliases: ['ip'],
  topologySpreadConstraints: ['topologyKey'],
};

/** `protocol` of a port, where it is left out. */
const keyDefaults: Record<string, string> = { protocol: 'TCP' };

/** Keys that are the user's own words inside these fields, not fields of the API: nothing below them has a merge key. */
const mapFields = new Set(['labels', 'annotations', 'nodeSelector', 'limits', 'requests', 'matchLabels']);

/** `patch` over `base`; neither is changed. */
export function strategicMerge(base: JsonObject, patch: JsonObject): JsonObject {
  return mergeObjects(base, patch, false);
}

function mergeObjects(base: JsonObject, patch: JsonObject, insideMap: boolean): JsonObject {
  if (patch['$patch'] === 'replace') return withoutDirectives(patch);
  const result: JsonObject = { ...base };
  for (const [field, value] of Object.entries(patch)) {
    if (field.startsWith('$')) continue;
    const before = result[field];
    if (value === null) delete result[field];
    else if (isObject(value)) {
      if (value['$patch'] === 'delete') delete result[field];
      else result[field] = mergeObjects(isObject(before) ? before : {}, value, mapFields.has(field));
    } else if (Array.isArray(value)) {
      const keys = insideMap ? undefined : mergeKeys[field];
      result[field] =
        keys !== undefined && value.every(isObject)
          ? mergeLists(Array.isArray(before) ? before.filter(isObject) : [], value, keys, field === 'volumes')
          : value;
    } else result[field] = value;
  }
  return result;
}

function mergeLists(
  base: JsonObject[],
  patch: JsonObject[],
  keys: readonly string[],
  replaceWhole: boolean,
): JsonObject[] {
  if (patch.some((item) => item['$patch'] === 'replace')) {
    return patch.filter((item) => item['$patch'] === undefined).map(withoutDirectives);
  }
  const result = [...base];
  for (const item of patch) {
    const key = keyOfItem(item, keys);
    const index = result.findIndex((other) => keyOfItem(other, keys) === key);
    const before = result[index];
    if (item['$patch'] === 'delete') {
      if (index >= 0) result.splice(index, 1);
    } else if (before === undefined) result.push(mergeObjects({}, item, false));
    // A volume has exactly one source: the user's takes the place of ours.
    else result[index] = replaceWhole ? withoutDirectives(item) : mergeObjects(before, item, false);
  }
  return result;
}

function keyOfItem(item: JsonObject, keys: readonly string[]): string {
  return JSON.stringify(keys.map((key) => item[key] ?? keyDefaults[key] ?? null));
}

function withoutDirectives(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([field]) => !field.startsWith('$')));
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
