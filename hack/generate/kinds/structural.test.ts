import { expect, test } from 'vitest';
import { z } from 'zod';
import { structuralSchema } from './structural.ts';

test('optional fields, defaults and bounds become OpenAPI', () => {
  const schema = z.object({
    size: z.int32().min(1).default(3).describe('How large.'),
    name: z
      .string()
      .max(5)
      .regex(/^a\/b$/)
      .exactOptional(),
    generation: z.int().min(0),
    list: z
      .array(z.enum(['a', 'b']))
      .max(2)
      .meta({ 'x-kubernetes-list-type': 'set' }),
    inner: z.object({ on: z.boolean().default(true) }).prefault({}),
  });
  expect(structuralSchema(schema)).toEqual({
    type: 'object',
    required: ['generation', 'list'],
    properties: {
      size: { description: 'How large.', type: 'integer', format: 'int32', default: 3, minimum: 1 },
      name: { type: 'string', maxLength: 5, pattern: '^a/b$' },
      generation: { type: 'integer', format: 'int64', minimum: 0 },
      list: {
        type: 'array',
        maxItems: 2,
        items: { type: 'string', enum: ['a', 'b'] },
        'x-kubernetes-list-type': 'set',
      },
      inner: { type: 'object', default: {}, properties: { on: { type: 'boolean', default: true } } },
    },
  });
});

test('what a schema is used for twice is spelled twice', () => {
  const part = z.object({ a: z.string() });
  expect(JSON.stringify(structuralSchema(z.object({ one: part, two: part })))).not.toContain('$ref');
});

test('a map of anything takes any field', () => {
  const schema = z.record(z.string(), z.unknown()).meta({ 'x-kubernetes-preserve-unknown-fields': true });
  expect(structuralSchema(schema)).toEqual({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true });
});

test('an integer or string has no type', () => {
  const schema = z.union([z.int(), z.string()]).meta({ 'x-kubernetes-int-or-string': true });
  expect(structuralSchema(schema)).toEqual({
    'x-kubernetes-int-or-string': true,
    anyOf: [{ type: 'integer' }, { type: 'string' }],
  });
});

test('what is not structural is refused, with its place', () => {
  const union = z.object({ choice: z.union([z.object({ a: z.string() }), z.object({ b: z.string() })]) });
  expect(() => structuralSchema(union)).toThrow('.choice: a union is no structural schema');
  expect(() => structuralSchema(z.object({ list: z.array(z.unknown()) }))).toThrow(
    '.list[]: a structural schema needs one type',
  );
});
