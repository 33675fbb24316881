/** Tables with aligned columns, as kubectl prints them. */

/** @param rows the first is the header */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]! + 3)))
        .join('')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** The first of a list, and how many more there are; `-` for none. */
export function shortList(items: readonly string[], shown: number): string {
  if (items.length === 0) return '-';
  const rest = items.length - shown;
  return rest > 0 ? `${items.slice(0, shown).join(',')},+${rest}` : items.join(',');
}
