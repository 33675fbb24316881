/** Answers as text: what happens in one sentence, and below it the way that led there. */
import type { Explanation, HeaderChange, SeenRequest } from '../../translate/index.ts';
import { describeRoute } from '../../translate/index.ts';
import type { Answer, Answers } from './answer.ts';

/** More endpoints than that are counted only. */
const shownEndpoints = 4;

/** @param request as it was asked */
export function renderAnswers({ answers, notes }: Answers, request: string): string {
  const blocks = answers.map((each) => renderAnswer(each, request));
  if (notes.length > 0) blocks.push(`${notes.join('\n')}\n`);
  return blocks.join('\n');
}

function renderAnswer(given: Answer, request: string): string {
  const rows: [label: string, text: string][] = [['Request', request]];
  const add = (label: string, ...lines: string[]): void => {
    for (const [index, line] of lines.entries()) rows.push([index === 0 ? label : '', line]);
  };
  add('Gateway', given.gateways.length > 1 ? `${given.gateways.join(', ')} (merged)` : given.gateways.join(', '));
  const { listener, hostname, route } = given;
  if (listener !== undefined) {
    const from = listener.owner.kind === 'Gateway' ? '' : ` of ${listener.owner.kind} ${listener.owner.key}`;
    const of = given.gateways.length > 1 && from === '' ? ` of Gateway ${listener.gateway}` : from;
    add(
      'Listener',
      `${listener.name}${of} (${listener.protocol}, port ${listener.port}, hostname ${listener.hostname})`,
    );
  }
  if (hostname !== undefined) add('Hostname', hostname === '*' ? '* (any)' : hostname);
  if (route !== undefined) {
    add('Route', `${route.kind} ${route.namespace}/${route.name}`);
    if (route.rule !== undefined)
      add('Rule', `${route.rule}${route.ruleName === undefined ? '' : ` (${route.ruleName})`}`);
    if (route.match !== undefined) add('Match', `${route.match}: ${route.matches}`);
  }
  add('Filters', ...given.filters);
  renderAction(given, add);
  const lines = renderRows(rows);
  for (const near of given.nearest) {
    const what = near.route.matches === undefined ? '' : ` (${near.route.matches})`;
    const where = near.hostname === '*' ? '' : ` for ${near.hostname}`;
    lines.push('', `Nearest: ${describeRoute(near.route)}${where}${what}`);
    lines.push(...near.differences.map((difference) => `  - ${difference}`));
  }
  if (given.notes.length > 0) lines.push('', ...given.notes.map((note) => `Note: ${note}.`));
  return [sentence(given.summary), '', ...lines, ''].join('\n');
}

function renderAction({ action }: Explanation, add: (label: string, ...lines: string[]) => void): void {
  if (action === undefined) return;
  if (action.kind !== 'forward') {
    const target = action.kind === 'redirect' ? ` Location: ${action.location}` : '';
    add('Answer', `${action.status}${target}`, ...headers('response header', action.responseHeaders));
    return;
  }
  const isSplit = action.backends.length > 1;
  const views = action.backends.map(({ sees }) => JSON.stringify(sees));
  const isSame = views.every((view) => view === views[0]);
  const answers = action.backends.map(({ responseHeaders }) => JSON.stringify(responseHeaders));
  const hasSameAnswer = answers.every((each) => each === answers[0]);
  for (const { backend, port, share, tls, endpoints, failure, sees, responseHeaders } of action.backends) {
    const where = `${backend}${port === undefined ? '' : ` port ${port}`}${tls ? ', by TLS' : ''}`;
    const part = isSplit ? `${share} %: ` : '';
    add('Backend', `${part}${where}: ${failure ?? endpointsText(endpoints)}`);
    const own = [...(isSame ? [] : seen(sees)), ...(hasSameAnswer ? [] : headers('response header', responseHeaders))];
    for (const line of own) add('', `  ${line}`);
  }
  for (const { backend, share, endpoints } of action.mirrors) {
    add('Mirror', `${share} %: ${backend}: ${endpointsText(endpoints)}`);
  }
  if (isSame) add('Sees', ...seen(action.backends[0]?.sees));
  if (hasSameAnswer) add('Answer', ...headers('response header', action.backends[0]?.responseHeaders ?? []));
}

function seen(request: SeenRequest | undefined): string[] {
  if (request === undefined) return [];
  const { method, authority, path, headers: changes } = request;
  const host = authority === undefined ? 'the name of the endpoint as Host' : `Host: ${authority}`;
  return [`${method} ${path}, ${host}`, ...headers('request header', changes)];
}

function endpointsText(endpoints: readonly string[] | undefined): string {
  if (endpoints === undefined) return 'endpoints are not known without a cluster';
  const shown = endpoints.slice(0, shownEndpoints).join(', ');
  const rest = endpoints.length > shownEndpoints ? ` and ${endpoints.length - shownEndpoints} more` : '';
  return `${endpoints.length} endpoint${endpoints.length === 1 ? '' : 's'}${shown === '' ? '' : ` (${shown}${rest})`}`;
}

function headers(what: string, changes: readonly HeaderChange[]): string[] {
  return changes.map(({ action, name, value }) =>
    value === undefined ? `${action} ${what} ${name}` : `${action} ${what} ${name}: ${value}`,
  );
}

function renderRows(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([label]) => label.length)) + 2;
  return rows.map(([label, text]) => `${label.padEnd(width)}${text}`);
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? '' : '.'}`;
}
