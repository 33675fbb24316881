/**
 * Reads the text of one file: YAML with any number of documents, or JSON, which is YAML of one document.
 * Every object keeps the place of each of its fields, so that a complaint about a field can name its line.
 */
import {
  type Document,
  LineCounter,
  type Node,
  type YAMLError,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  parseAllDocuments,
} from 'yaml';

import { messageOf } from './sluiceError.ts';
import type { Position, Problem } from './problem.ts';

/** An object as it stands in a file, not checked yet. */
export interface LocatedObject {
  file: string;
  /** Where the object begins. */
  position: Position;
  /** Plain data: maps, lists and scalars. */
  value: Record<string, unknown>;
  /**
   * Where a field stands: `spec.rules[0].matches[1].path`, `metadata.labels["a.b/c"]`. For a field that is missing, the place of
   * the nearest field around it.
   */
  locate(path: string): Position;
}

export interface ParsedFile {
  objects: LocatedObject[];
  /** Documents that are no objects. A file with wrong syntax has one problem and no objects. */
  problems: Problem[];
  /** The text is not YAML: what else stands in the file cannot be told. */
  broken: boolean;
}

/** Splits the path of a field: `a.b[0]["c.d"]` into `a`, `b`, `0`, `c.d`. */
export function pathSegments(path: string): string[] {
  const segments: string[] = [];
  for (const match of path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\['([^']*)'\]|\[([^\]]*)\]|([^.[\]]+)/g)) {
    const [, quoted, single, bracketed, plain] = match;
    segments.push(quoted === undefined ? (single ?? bracketed ?? plain ?? '') : quoted.replaceAll(/\\(.)/g, '$1'));
  }
  return segments;
}

/** What the parser's terse messages mean for the one who writes the file. */
function syntaxMessage(error: YAMLError): string {
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return 'a tab stands where YAML wants spaces for indentation';
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'a second ": " stands on the line; put the value in quotes, or mend the indentation of the next line';
    case 'DUPLICATE_KEY':
      return 'the key stands twice in one map; remove one of the two';
    case 'MULTILINE_IMPLICIT_KEY':
      return 'a ":" is missing after the key, or the indentation of the line is wrong';
    default:
      return error.message.replace(/\.$/, '');
  }
}

function offsetOf(node: unknown): number | undefined {
  if (isPair(node)) return offsetOf(node.key);
  return isNode(node) ? node.range?.[0] : undefined;
}

/** The child of a node, and the offset at which an editor should point for it: the key of a map's entry, or a list's item. */
function childOf(
  node: Node,
  segment: string,
  document: Document,
): { node: Node | undefined; offset?: number } | undefined {
  const resolved = isAlias(node) ? node.resolve(document) : node;
  if (isMap(resolved)) {
    const pair = resolved.items.find(({ key }) => (isScalar(key) ? String(key.value) : undefined) === segment);
    if (pair === undefined) return undefined;
    const offset = offsetOf(pair.key);
    return { node: isNode(pair.value) ? pair.value : undefined, ...(offset === undefined ? {} : { offset }) };
  }
  if (isSeq(resolved)) {
    const item = resolved.items[Number(segment)];
    if (!isNode(item)) return undefined;
    const offset = offsetOf(item);
    return { node: item, ...(offset === undefined ? {} : { offset }) };
  }
  return undefined;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a map' : `a ${typeof value}`;
}

/** Turns bytes into text. A file that is not UTF-8 gives undefined. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Parses one file. `kind: List` (and any other list with `items`) counts as the objects in it.
 * Nothing is thrown: what is wrong comes back as problems with line and column.
 */
export function parseFile(file: string, bytes: Uint8Array): ParsedFile {
  const text = decodeText(bytes);
  if (text === undefined || text.includes('\0')) {
    const message = 'is not UTF-8 text; only YAML and JSON files are read.';
    return { objects: [], problems: [{ reason: 'InvalidSyntax', file, message }], broken: true };
  }
  const lines = new LineCounter();
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const failed = (message: string, position: Position): ParsedFile => ({
    objects: [],
    problems: [{ reason: 'InvalidSyntax', file, position, message }],
    broken: true,
  });

  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    merge: true,
    schema: 'core',
    logLevel: 'silent',
  });
  const objects: LocatedObject[] = [];
  const problems: Problem[] = [];
  // An empty stream is an empty list with extra properties; everything else is a list of documents.
  for (const document of documents as Document.Parsed[]) {
    const [error] = document.errors;
    if (error !== undefined) return failed(`is not YAML: ${syntaxMessage(error)}.`, at(error.pos[0]));
    const root = document.contents;
    if (root === null || (isScalar(root) && root.value === null)) continue;
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: 1000 });
    } catch (thrown) {
      return failed(`is not YAML: ${messageOf(thrown)}.`, at(root.range[0]));
    }
    const locatorFrom =
      (start: Node, startOffset: number) =>
      (path: string): Position => {
        let node: Node | undefined = start;
        let offset = startOffset;
        for (const segment of pathSegments(path)) {
          const child: ReturnType<typeof childOf> = node === undefined ? undefined : childOf(node, segment, document);
          if (child === undefined) break;
          offset = child.offset ?? offset;
          node = child.node;
        }
        return at(offset);
      };
    const add = (item: unknown, node: Node, offset: number): void => {
      const position = at(offset);
      if (!isPlainObject(item)) {
        const message = `a Kubernetes object is a map with apiVersion and kind, but ${describe(item)} stands here.`;
        problems.push({ reason: 'NotAnObject', file, position, message });
        return;
      }
      const { items } = item;
      if (typeof item['kind'] === 'string' && item['kind'].endsWith('List') && Array.isArray(items)) {
        const list = childOf(node, 'items', document)?.node;
        for (const [index, entry] of items.entries()) {
          const child = list === undefined ? undefined : childOf(list, String(index), document);
          add(entry, child?.node ?? node, child?.offset ?? offset);
        }
        return;
      }
      objects.push({ file, position, value: item, locate: locatorFrom(node, offset) });
    };
    add(value, root, root.range[0]);
  }
  return { objects, problems, broken: false };
}
