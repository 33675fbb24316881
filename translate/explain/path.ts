/**
 * What the connection manager makes of a path before any route sees it.
 * Source: Envoy docs, HttpConnectionManager: normalize_path, merge_slashes, path_with_escaped_slashes_action.
 */
import {
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  type HttpConnectionManager,
} from '../../api/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import { queryOf, withoutQuery } from './request.ts';

type PathOptions = Pick<HttpConnectionManager, 'normalizePath' | 'mergeSlashes' | 'pathWithEscapedSlashesAction'>;

export interface NormalizedPath {
  path: string;
  /** What the proxy answers before it looks for a route: a redirect to `path`, or a refusal. */
  answer: 'redirect' | 'refuse' | undefined;
}

/** @param path with its query */
export function normalizePath(path: string, options: PathOptions): NormalizedPath {
  let current = withoutQuery(path);
  let answer: NormalizedPath['answer'];
  const action = options.pathWithEscapedSlashesAction;
  if (action > EscapedSlashes.KEEP_UNCHANGED) {
    const unescaped = current.replaceAll(/%2f/gi, '/').replaceAll(/%5c/gi, '\\');
    if (unescaped !== current && action === EscapedSlashes.REJECT_REQUEST) return { path, answer: 'refuse' };
    if (unescaped !== current && action === EscapedSlashes.UNESCAPE_AND_REDIRECT) answer = 'redirect';
    current = unescaped;
  }
  if (options.normalizePath === true) {
    if (/%00/.test(current)) return { path, answer: 'refuse' };
    current = removeDotSegments(canonicalCharacters(current));
  }
  if (options.mergeSlashes) current = current.replaceAll(/\/{2,}/g, '/');
  return { path: current + queryOf(path), answer };
}

/** Escapes what must be escaped and unescapes what need not be. Source: RFC 3986, 6.2.2.2. */
function canonicalCharacters(path: string): string {
  return path
    .replaceAll('\\', '/')
    .replaceAll(/%([0-9a-f]{2})/gi, (escaped, hex: string) => {
      const character = String.fromCharCode(Number.parseInt(hex, 16));
      return /[A-Za-z0-9._~-]/.test(character) ? character : escaped;
    })
    .replaceAll(/[^\u0021-\u007e]+|["<>`{}]/gu, (characters) =>
      [...Buffer.from(characters)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
    );
}

function removeDotSegments(path: string): string {
  const result: string[] = [];
  const segments = path.split('/').slice(1);
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    if (segment === '..') result.pop();
    if (segment !== '.' && segment !== '..') result.push(segment);
    else if (isLast) result.push('');
  }
  return `/${result.join('/')}`;
}
