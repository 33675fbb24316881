/** Tables in Markdown, and what stands in them. */

export type Cell = string | number;

/** A table in Markdown, its columns padded so that it reads well as text, too. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cells = rows.map((row) => row.map(String));
  const widths = head.map((title, column) => Math.max(title.length, 3, ...cells.map((row) => row[column]!.length)));
  // A column without a title names what its row is about.
  const isNumber = head.map((title, column) => title !== '' && cells.every((row) => /^[^a-z]*\d/i.test(row[column]!)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => (isNumber[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (isNumber[column] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`;
  return [line(head), rule, ...cells.map(line)].join('\n');
}

export function milliseconds(value: number): string {
  return value < 100 ? value.toFixed(1) : value.toFixed(0);
}

export function count(value: number): string {
  return value.toLocaleString('en-US');
}
