/**
 * Regular expressions as the API server reads them: RE2 syntax, matched in linear time. JavaScript's own would take some of
 * Gateway API's patterns to exponential time, and refuses others.
 */
import { RE2JS } from 're2js';

const compiled = new Map<string, RE2JS>();

/**
 * Whether some part of the text matches, as Go's `regexp.MatchString`.
 * @throws Error where RE2 refuses the pattern
 */
export function matchesPattern(pattern: string, text: string): boolean {
  let expression = compiled.get(pattern);
  if (expression === undefined) {
    expression = RE2JS.compile(pattern);
    compiled.set(pattern, expression);
  }
  return expression.test(text);
}

/** What the patterns of Gateway API and Sluice ask for, in words. A pattern that is not here is quoted. */
const meanings = new Map<string, string>([
  ['^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', 'lowercase letters, digits and hyphens, first and last no hyphen'],
  [
    '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
    'lowercase letters, digits, hyphens and dots, as in a host name',
  ],
  ['^[a-z]([-a-z0-9]*[a-z0-9])?$', 'lowercase letters, digits and hyphens, first a letter, last no hyphen'],
  [
    '^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
    'an API group such as apps, or empty for the core group',
  ],
  ['^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$', 'a kind such as Service: letters, digits and hyphens, first a letter'],
  [
    '^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
    'a host name in lowercase such as api.example.com, or *.example.com for every name below',
  ],
  ["^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$", 'a header name as in HTTP: letters, digits and hyphens, no spaces or colons'],
  ['^[!-~]+([\\t ]?[!-~]+)*$', 'a header value: printable ASCII, single spaces inside, none at the ends'],
  ['^([0-9]{1,5}(h|m|s|ms)){1,4}$', 'a duration such as 10s, 1m30s or 500ms, without fractions'],
  [
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\/[A-Za-z0-9\\/\\-._~%!$&'()*+,;=:]+$",
    'a controller name: a DNS domain, a slash and a path, as in example.com/controller',
  ],
  ['^\\S+$', 'text without spaces'],
]);

/** What a value must look like to match the pattern, to stand after "must be". */
export function patternInWords(pattern: string): string {
  return meanings.get(pattern) ?? `text that matches ${pattern}`;
}

/** The patterns that have words; a test sees to it that each of them is still in use. */
export const patternsInWords: ReadonlySet<string> = new Set(meanings.keys());
