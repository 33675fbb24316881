/**
 * CEL as the API server evaluates it: the base language with the functions of Kubernetes' libraries that rules use.
 * Source: Kubernetes docs, "Common Expression Language in Kubernetes".
 */
import { Environment } from '@marcbachmann/cel-js';
import { isAddress, isAddressBlock } from './format.ts';
import { matchesPattern } from './pattern.ts';

/** What evaluates one rule. */
export type Expression = (variables: { self: unknown; oldSelf?: unknown }) => unknown;

/** A part of the syntax tree, as far as `has` needs it. */
interface Select {
  readonly op: string;
  readonly args: readonly [unknown, string];
}
interface HasMacro {
  readonly args: readonly [Select];
}
interface Checker {
  check(node: unknown, context: unknown): unknown;
  createError(code: string, message: string, node: unknown): Error;
  getType(name: string): unknown;
}
interface Evaluator {
  run(node: unknown, context: unknown): unknown;
}

/**
 * `has(e.f)` for any expression `e`. The one built in takes only chains of names, while rules of Gateway API ask for
 * `has(self.matches[0].path)`.
 */
function expandHas({ args }: HasMacro) {
  return {
    args,
    async: false,
    typeCheck(checker: Checker, macro: HasMacro, context: unknown): unknown {
      const [select] = macro.args;
      if (select.op !== '.') {
        throw checker.createError('invalid_macro_argument', 'has() takes the selection of a field', select);
      }
      checker.check(select.args[0], context);
      return checker.getType('bool');
    },
    evaluate(evaluator: Evaluator, macro: HasMacro, context: unknown): boolean {
      const [target, field] = macro.args[0].args;
      const value = evaluator.run(target, context);
      return typeof value === 'object' && value !== null && Object.hasOwn(value, field);
    },
  };
}

const dns1123Label = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$';

/** What `format.dns1123Label()` and its like give. Source: Kubernetes CEL library, `format`. */
class NamedFormat {
  readonly accepts: (text: string) => boolean;
  constructor(accepts: (text: string) => boolean) {
    this.accepts = accepts;
  }
}
/** An optional list of what is wrong. */
class FormatAnswer {
  readonly valid: boolean;
  constructor(valid: boolean) {
    this.valid = valid;
  }
}
class FormatLibrary {
  readonly name = 'kubernetes.format';
}

const environment = new Environment({ limits: { maxCallArguments: 64 } })
  .registerType('kubernetes.NamedFormat', NamedFormat)
  .registerType('kubernetes.FormatAnswer', FormatAnswer)
  .registerType('kubernetes.Formats', FormatLibrary)
  .registerVariable('self', 'dyn')
  .registerVariable('oldSelf', 'dyn')
  .registerConstant('format', 'kubernetes.Formats', new FormatLibrary())
  .registerFunction(
    'kubernetes.Formats.dns1123Label(): kubernetes.NamedFormat',
    () => new NamedFormat((text) => text.length <= 63 && matchesPattern(dns1123Label, text)),
  )
  // An optional is never equal to null, not even an absent one: a rule that compares so holds for nothing, there as here.
  .registerFunction(
    'kubernetes.NamedFormat.validate(string): dyn',
    (format: NamedFormat, text: string) => new FormatAnswer(format.accepts(text)),
  )
  .registerFunction('kubernetes.FormatAnswer.hasValue(): bool', (answer: FormatAnswer) => !answer.valid)
  .registerFunction('string.matchesRE2(string): bool', (text: string, pattern: string) => matchesPattern(pattern, text))
  .registerFunction('isIP(string): bool', isAddress)
  .registerFunction('isCIDR(string): bool', isAddressBlock)
  .registerFunction('hasField(ast): bool', expandHas);

const token =
  /r?"""[^]*?"""|r?'''[^]*?'''|r"[^"]*"|r'[^']*'|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\.\s*matches\s*\(|\bhas\s*\(|[^]/g;

/** Puts our own functions in the place of the two built-in ones that differ; string literals stay as they are. */
function withOurFunctions(expression: string): string {
  return expression.replace(token, (text) => {
    if (/^\.\s*matches/.test(text)) return '.matchesRE2(';
    return /^has\s*\($/.test(text) ? 'hasField(' : text;
  });
}

/** Whether the rule compares with the value before an update, so that it holds for every new object. */
export function isTransition(expression: string): boolean {
  return [...expression.matchAll(/r?"""[^]*?"""|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\boldSelf\b/g)].some(
    ([text]) => text === 'oldSelf',
  );
}

/**
 * @throws Error with the words of the CEL parser or type checker where the expression is not understood
 */
export function compileExpression(expression: string): Expression {
  const parsed = environment.parse(withOurFunctions(expression));
  const { valid, error } = parsed.check();
  if (!valid) throw new Error(`CEL rule ${expression}: ${error?.message ?? 'not understood'}`);
  return parsed;
}
