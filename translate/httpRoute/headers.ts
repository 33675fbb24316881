/**
 * Header modifiers to Envoy's header operations.
 * Source: Gateway API, HTTPHeaderFilter; Envoy docs, "Custom request/response headers".
 */
import type { Init } from '../encoding/index.ts';
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOptionSchema,
} from '../../api/envoy/envoy/config/core/v3/base_pb.ts';
import type { HTTPHeaderFilter } from '../../api/gateway/index.ts';

/** What a proxy cannot do, with one sentence on what to change. */
export class UnusableFilter extends Error {}

/** Filters that exclude each other. */
export class IncompatibleFilters extends UnusableFilter {}

export interface HeaderOperations {
  add: Init<typeof HeaderValueOptionSchema>[];
  remove: string[];
}

/**
 * Of names that differ only in case the first counts; a name that is acted on in two ways is a mistake.
 * @throws UnusableFilter
 */
export function translateHeaders(filter: HTTPHeaderFilter, direction: 'request' | 'response'): HeaderOperations {
  const seen = new Map<string, 'set' | 'added' | 'removed'>();
  const isNew = (name: string, action: 'set' | 'added' | 'removed'): boolean => {
    checkName(name, direction);
    const lower = name.toLowerCase();
    const before = seen.get(lower);
    if (before !== undefined && before !== action) {
      throw new UnusableFilter(`header "${name}" is both ${before} and ${action}: only one is possible`);
    }
    seen.set(lower, action);
    return before === undefined;
  };
  const add: HeaderOperations['add'] = [];
  for (const { name, value } of filter.set ?? []) {
    if (!isNew(name, 'set')) continue;
    add.push({ header: header(name, value), appendAction: AppendAction.OVERWRITE_IF_EXISTS_OR_ADD });
  }
  for (const { name, value } of filter.add ?? []) {
    if (!isNew(name, 'added')) continue;
    add.push({ header: header(name, value), appendAction: AppendAction.APPEND_IF_EXISTS_OR_ADD });
  }
  const remove = (filter.remove ?? []).filter((name) => isNew(name, 'removed'));
  return { add, remove };
}

/** Longer ones are refused by Envoy. */
const maxValueLength = 16_384;

function header(name: string, value: string): { key: string; value: string } {
  // eslint-disable-next-line no-control-regex -- these are the characters that HTTP has no place for.
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) {
    throw new UnusableFilter(`the value of header "${name}" has a control character`);
  }
  // A percent sign begins a command of Envoy's formatter; doubled, it is itself.
  const escaped = value.replaceAll('%', '%%');
  if (Buffer.byteLength(escaped) > maxValueLength) {
    throw new UnusableFilter(`the value of header "${name}" is longer than ${maxValueLength} bytes`);
  }
  return { key: name, value: escaped };
}

/** Whether a text can be the name of a header. Source: RFC 9110, 5.6.2. */
export function isHeaderName(name: string): boolean {
  return /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/.test(name);
}

/** A proxy writes these by what it does with the message: another value would tear messages apart. */
const framing = ['content-length', 'transfer-encoding'];

function checkName(name: string, direction: 'request' | 'response'): void {
  if (!isHeaderName(name)) throw new UnusableFilter(`"${name}" is not the name of a header`);
  const lower = name.toLowerCase();
  if (lower === 'host') {
    throw new UnusableFilter(
      direction === 'request'
        ? 'the Host header cannot be modified: use a URLRewrite filter with hostname'
        : 'a response has no Host header that could be modified',
    );
  }
  if (framing.includes(lower)) throw new UnusableFilter(`the header ${name} cannot be modified`);
}
