/** Rows as text: a table, and below it a line for whatever is wrong. */
import type { ListenerRow, RouteRow, ShownCondition } from './rows.ts';
import { renderTable, shortList } from './table.ts';

/** More lines than that of what is wrong are counted only. */
const shownProblems = 30;
const shownNames = 3;

/** @param isWide whether there is a column for the namespace */
export function renderGateways(rows: readonly ListenerRow[], isWide: boolean): string {
  const header = [
    'GATEWAY',
    'CLASS',
    'ADDRESS',
    'LISTENER',
    'PROTOCOL',
    'PORT',
    'HOSTNAME',
    'ROUTES',
    'ACCEPTED',
    'RESOLVED',
    'PROGRAMMED',
  ];
  const cells = rows.map((row) => [
    ...(isWide ? [row.namespace] : []),
    row.gateway,
    row.className,
    shortList(row.addresses, 2),
    listenerName(row),
    row.protocol,
    row.port === undefined ? '-' : String(row.port),
    row.hostname,
    row.attachedRoutes === undefined ? '-' : String(row.attachedRoutes),
    row.accepted,
    row.resolvedRefs,
    row.programmed,
  ]);
  const problems = rows.flatMap((row) => {
    const where = row.listener === '' ? '' : `, listener ${listenerName(row)}`;
    return row.problems.map((problem) => `Gateway ${row.namespace}/${row.gateway}${where}: ${problemText(problem)}`);
  });
  return renderTable([[...(isWide ? ['NAMESPACE'] : []), ...header], ...cells]) + renderProblems(problems);
}

function listenerName({ listener, from }: ListenerRow): string {
  if (listener === '') return '-';
  return from === undefined ? listener : `${listener} (${from})`;
}

/** @param isWide whether there is a column for the namespace */
export function renderRoutes(rows: readonly RouteRow[], isWide: boolean): string {
  const header = [
    'ROUTE',
    'GATEWAY',
    'LISTENERS',
    'HOSTNAMES',
    'BACKENDS',
    'READY',
    'ACCEPTED',
    'RESOLVED',
    'PROGRAMMED',
  ];
  const cells = rows.map((row) => [
    ...(isWide ? [row.namespace] : []),
    `${row.kind}/${row.name}`,
    near(row.gateway, row.namespace),
    shortList(
      row.listeners.map(({ name, port }) => `${name}:${port}`),
      shownNames,
    ),
    shortList(row.hostnames, shownNames),
    shortList(
      row.backends.map(
        ({ backend, port }) =>
          `${near(backend.replace(/^Service /, ''), row.namespace)}${port === undefined ? '' : `:${port}`}`,
      ),
      shownNames,
    ),
    shortList(
      row.backends.map(({ ready }) => (ready === undefined ? '?' : String(ready))),
      shownNames,
    ),
    row.accepted,
    row.resolvedRefs,
    row.programmed,
  ]);
  const problems = rows.flatMap((row) =>
    row.problems.map(
      (problem) => `${row.kind} ${row.namespace}/${row.name} at ${row.gateway}: ${problemText(problem)}`,
    ),
  );
  return renderTable([[...(isWide ? ['NAMESPACE'] : []), ...header], ...cells]) + renderProblems(problems);
}

/** A key without the namespace that is meant anyway. */
function near(key: string, namespace: string): string {
  return key.startsWith(`${namespace}/`) ? key.slice(namespace.length + 1) : key;
}

function problemText({ type, status, reason, message }: ShownCondition): string {
  return `${status === '-' ? reason : `${type}=${status} (${reason})`}: ${message}`;
}

function renderProblems(problems: readonly string[]): string {
  if (problems.length === 0) return '';
  const lines = [...new Set(problems)];
  const rest = lines.length - shownProblems;
  const shown = lines.slice(0, shownProblems);
  return `\n${[...shown, ...(rest > 0 ? [`… and ${rest} more`] : [])].map((line) => `${line}\n`).join('')}`;
}
