/** Where in an object a value stands. */

/** A step from the parent value; the root has none. Made for every value, spelled only for errors. */
export interface Path {
  readonly parent: Path | undefined;
  readonly step: string | number;
}

const identifier = /^[A-Za-z_$][\w$-]*$/;

/** `spec.rules[0].matches[1].path.value`; a key of a map that is no word stands in brackets: `metadata.labels[example.com/a]`. */
export function spellPath(path: Path | undefined): string {
  if (path === undefined) return '';
  const before = spellPath(path.parent);
  if (typeof path.step === 'number') return `${before}[${path.step}]`;
  if (!identifier.test(path.step)) return `${before}[${path.step}]`;
  return before === '' ? path.step : `${before}.${path.step}`;
}
