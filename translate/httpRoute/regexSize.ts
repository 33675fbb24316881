/**
 * How large a regular expression becomes. Envoy refuses what compiles to more instructions than its limit, and to compile
 * what nests repetitions of long texts takes a second: it is not even tried.
 * Source: RE2, "Syntax"; Envoy docs, `re2.max_program_size.error_level`.
 */

// A class of characters is an alternative of ranges of bytes. Those of Unicode have at most so many below 256.
const unicodeRanges = 15;
const perlRanges = 6;
const maxRanges = 128;

// What a program begins and ends with.
const frame = 4;

/** About as many instructions as Envoy's RE2 makes of an expression, rather more than fewer. */
export function regexSize(text: string): number {
  const groups: { sum: number; last: number }[] = [{ sum: 0, last: 0 }];
  let at = 0;
  const add = (size: number): void => {
    const group = groups.at(-1)!;
    group.sum += group.last;
    group.last = size;
  };
  while (at < text.length) {
    const rest = text.slice(at, at + 64);
    const group = groups.at(-1)!;
    let length = 1;
    if (text.startsWith('\\Q', at)) {
      const end = text.indexOf('\\E', at);
      const quoted = text.slice(at + 2, end < 0 ? undefined : end);
      add(Buffer.byteLength(quoted));
      length = end < 0 ? text.length : end + 2 - at;
    } else if (rest.startsWith('\\')) {
      const escape = /^\\(?:[pP](?:\{[^}]*\}|.)|x\{[^}]*\}|x..|.)/su.exec(rest)?.[0] ?? rest[0]!;
      add(escapeSize(escape));
      length = escape.length;
    } else if (rest.startsWith('[')) {
      const end = classEnd(text, at);
      add(classSize(text.slice(at + 1, end)));
      length = end + 1 - at;
    } else if (rest.startsWith('(')) {
      groups.push({ sum: 0, last: 0 });
      length = /^\((?:\?P?<[^>]*>|\?[-a-zA-Z]*:?)?/.exec(rest)![0].length;
    } else if (rest.startsWith(')')) {
      if (groups.length > 1) groups.pop();
      add(group.sum + group.last + 2);
    } else if (rest.startsWith('|')) {
      add(1);
    } else if (/^[*+?]/.test(rest)) {
      group.last += 1;
    } else {
      const repetition = /^\{([0-9]{1,5})(,([0-9]{0,5}))?\}/.exec(rest);
      if (repetition === null) {
        const character = String.fromCodePoint(text.codePointAt(at)!);
        add(character === '.' ? 2 : Buffer.byteLength(character));
        length = character.length;
      } else {
        const [all, least, comma, most] = repetition;
        const times = Math.max(Number(least), Number(most ?? 0));
        group.last = Math.max(1, times) * group.last + (comma === undefined ? 0 : times - Number(least) + 1);
        length = all.length;
      }
    }
    at += length;
  }
  return groups.reduce((sum, group) => sum + group.sum + group.last, frame);
}

function escapeSize(escape: string): number {
  if (/^\\[pP]/.test(escape)) return unicodeRanges;
  return /^\\[dswDSWC]$/.test(escape) ? perlRanges : 1;
}

/** Where the class of characters ends that begins at `start`. */
function classEnd(text: string, start: number): number {
  let at = start + 1;
  if (text[at] === '^') at++;
  if (text[at] === ']') at++;
  while (at < text.length && text[at] !== ']') {
    const named = text.startsWith('[:', at) ? text.indexOf(':]', at) : -1;
    if (named > 0) at = named + 2;
    else at += text[at] === '\\' ? 2 : 1;
  }
  return Math.min(at, text.length - 1);
}

function classSize(content: string): number {
  const classes = content.match(/\\[pPdswDSW]|\[:/g)?.length ?? 0;
  return Math.min(maxRanges, classes * unicodeRanges + content.length + 1);
}
