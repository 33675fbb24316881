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

export interface HeaderOperations {
  add: Init<typeof HeaderValueOptionSchema>[];
  remove: string[];
}

/** @throws UnusableFilter */
export function translateHeaders(filter: HTTPHeaderFilter, direction: 'request' | 'response'): HeaderOperations {
  const add: HeaderOperations['add'] = [];
  for (const { name, value } of filter.set ?? []) {
    add.push({ header: header(name, value, direction), appendAction: AppendAction.OVERWRITE_IF_EXISTS_OR_ADD });
  }
  for (const { name, value } of filter.add ?? []) {
    add.push({ header: header(name, value, direction), appendAction: AppendAction.APPEND_IF_EXISTS_OR_ADD });
  }
  const remove = [...(filter.remove ?? [])];
  for (const name of remove) checkName(name, direction);
  return { add, remove };
}

function header(name: string, value: string, direction: 'request' | 'response'): { key: string; value: string } {
  checkName(name, direction);
  // eslint-disable-next-line no-control-regex -- these are the characters that Envoy refuses.
  if (/[\u0000\r\n]/.test(value))
    throw new UnusableFilter(`the value of header "${name}" has a line break or a null character`);
  // A percent sign begins a command of Envoy's formatter; doubled, it is itself.
  return { key: name, value: value.replaceAll('%', '%%') };
}

function checkName(name: string, direction: 'request' | 'response'): void {
  if (name === '' || !/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/.test(name)) {
    throw new UnusableFilter(`"${name}" is not the name of a header`);
  }
  if (direction === 'request' && name.toLowerCase() === 'host') {
    throw new UnusableFilter('the Host header cannot be modified: use a URLRewrite filter with hostname');
  }
}
