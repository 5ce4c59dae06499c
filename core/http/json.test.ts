import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJson } from './json.ts'

const parse = (text: string, maxDepth = 32) => parseJson(Buffer.from(text), { maxDepth })

test('what JSON.parse reads, and I-JSON permits, is read the same', () => {
  const storable = fc.jsonValue({ maxDepth: 5, stringUnit: 'grapheme' }).filter((value) => {
    const text = JSON.stringify(value)
    return !text.includes('__proto__') && !/\\u0000|\\ud[89a-f]/i.test(text)
  })
  fc.assert(
    fc.property(storable, fc.nat(4), (value, indent) => {
      const text = JSON.stringify(value, null, indent)
      expect(parse(text)).toEqual(JSON.parse(text))
    }),
  )
})

test('whatever the bytes, it parses or throws an error for the caller, nothing else', () => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '"',
    ':',
    ',',
    '\\',
    'u0000',
    '"a"',
    '1',
    'null',
    ' ',
    '\\ud800',
    '\u00ff',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(pieces).map((parts) => Buffer.from(parts.join(''))),
        fc.uint8Array(),
      ),
      (bytes) => {
        try {
          parseJson(bytes, { maxDepth: 8 })
        } catch (error) {
          expect(['invalid-json', 'invalid-request']).toContain((error as { code?: string }).code)
        }
      },
    ),
    { numRuns: 2_000 },
  )
})

test('the depth is counted in arrays and objects, brackets in text are not', () => {
  expect(parse('[[1]]', 2)).toEqual([[1]])
  expect(() => parse('[[[1]]]', 2)).toThrow('nested deeper than 2')
  expect(parse('["[[[[[\\"[[[["]', 2)).toEqual(['[[[[["[[[['])
})

test('names are the same when they read the same', () => {
  expect(() => parse('{"a": 1, "\\u0061": 2}')).toThrow('twice')
  expect(() => parse('[{"x": {"a": 1, "a": 2}}]')).toThrow('twice')
  expect(parse('[{"a": 1}, {"a": {"a": "a"}}]')).toEqual([{ a: 1 }, { a: { a: 'a' } }])
  expect(parse('{"a": ["a", "a"], "b": "a"}')).toEqual({ a: ['a', 'a'], b: 'a' })
})
