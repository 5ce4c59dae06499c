import fc from 'fast-check'

/** Ids that are foreign, odd, hostile or too long. */
export const oddId: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    'x',
    'anna',
    '0',
    'null',
    'undefined',
    '__proto__',
    'constructor',
    'conv_01k0000000000000000000000',
    'msg_01k0000000000000000000000',
    'proj_other',
    "'; drop table users; --",
    '../../etc/passwd',
    'a/b',
    '%00',
    '%2e%2e',
    'ü',
    '😀',
    'e\u0301',
    '\u202eabc',
    ' ',
    '*',
    'a'.repeat(128),
    'a'.repeat(129),
    'é'.repeat(64),
    'é'.repeat(65),
  ),
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
)

/** Values that fit nearly nowhere. */
export const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  oddId,
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1.5,
    1e308,
    Number.MAX_SAFE_INTEGER,
    2 ** 31,
    2 ** 63,
    -(2 ** 63),
    '',
    '\u0000',
    'a\u0000b',
    '\ud800',
    '1e999',
    'NaN',
    '2026-99-99T00:00:00Z',
    [],
    {},
    [[]],
    { type: 'text' },
    { $ref: '#' },
    { toString: 1, valueOf: null },
  ),
  fc.integer({ min: 0, max: 70_000 }).map((length) => 'a'.repeat(length)),
  fc.integer({ min: 1, max: 2_000 }).map((length) => Array(length).fill('x')),
  fc.integer({ min: 1, max: 200 }).map(nested),
  fc.jsonValue({ maxDepth: 4 }),
)

function nested(depth: number): unknown {
  let value: unknown = 'deep'
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value }
  return value
}

interface Schema {
  type?: string
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  enum?: unknown[]
  const?: unknown
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  format?: string
  $ref?: string
  $defs?: Record<string, Schema>
}

export interface ValueOptions {
  /** Strays from the schema in single places; else everything fits it. */
  odd: boolean
}

/** Values for a JSON Schema: fitting ones get past the door, odd ones go astray in single places. */
export function valueFor(schema: object, options: ValueOptions): fc.Arbitrary<unknown> {
  return new Values(schema as Schema, options.odd).of(schema as Schema, 0)
}

class Values {
  readonly #root: Schema
  readonly #odd: boolean

  constructor(root: Schema, odd: boolean) {
    this.#root = root
    this.#odd = odd
  }

  of(schema: Schema, depth: number): fc.Arbitrary<unknown> {
    if (depth > 5) return this.#odd ? oddValue : fc.constant(1)
    const fitting = this.#fitting(schema, depth)
    if (!this.#odd) return fitting
    return fc.oneof({ weight: 9, arbitrary: fitting }, { weight: 1, arbitrary: oddValue })
  }

  #fitting(schema: Schema, depth: number): fc.Arbitrary<unknown> {
    if (schema.$ref !== undefined) return this.of(this.#resolve(schema.$ref), depth + 1)
    if ('const' in schema) return fc.constant(schema.const)
    if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
    const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf
    if (choices !== undefined) return fc.oneof(...choices.map((choice) => this.of(choice, depth + 1)))
    switch (schema.type) {
      case 'object':
        return this.#object(schema, depth)
      case 'array':
        return this.#array(schema, depth)
      case 'string':
        return this.#string(schema)
      case 'integer':
      case 'number':
        return this.#number(schema)
      case 'boolean':
        return fc.boolean()
      case 'null':
        return fc.constant(null)
      default:
        return this.#odd ? oddValue : fc.jsonValue({ maxDepth: 2 })
    }
  }

  #object(schema: Schema, depth: number): fc.Arbitrary<unknown> {
    const properties = Object.entries(schema.properties ?? {})
    if (properties.length === 0)
      return this.#odd ? fc.dictionary(oddId, oddValue, { maxKeys: 3 }) : fc.constant({ a: 1 })
    const model = Object.fromEntries(
      properties.map(([name, property]) => [name, this.of(property, depth + 1)]),
    )
    const requiredKeys = (schema.required ?? []).filter((name) => name in model)
    const whole = fc.record(model, { requiredKeys })
    if (!this.#odd) return whole
    return fc.oneof(
      { weight: 5, arbitrary: whole },
      { weight: 1, arbitrary: fc.record(model, { requiredKeys: [] }) },
    )
  }

  #array(schema: Schema, depth: number): fc.Arbitrary<unknown> {
    return fc.array(this.of(schema.items ?? {}, depth + 1), { minLength: this.#odd ? 0 : 1, maxLength: 4 })
  }

  #string(schema: Schema): fc.Arbitrary<string> {
    const { minLength = 0, maxLength = 64 } = schema
    if (schema.format === 'uri')
      return fc.constantFrom('https://example.com/a.png', ...(this.#odd ? ['ftp://x', 'x:0'] : []))
    if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern), { size: 'small' })
    if (!this.#odd) return fc.constantFrom('anna', 'ben', 'a b', '😀', '%2F')
    const lengths = fc.constantFrom(minLength - 1, minLength, maxLength, maxLength + 1)
    return fc.oneof(
      oddId,
      fc.string({ maxLength: 40 }),
      lengths.map((length) => 'b'.repeat(Math.max(0, length))),
    )
  }

  #number(schema: Schema): fc.Arbitrary<number> {
    const { minimum = -1_000, maximum = 1_000 } = schema
    const inside = fc.integer({
      min: Math.max(Math.ceil(minimum), -(2 ** 31)),
      max: Math.min(Math.floor(maximum), 2 ** 31),
    })
    if (!this.#odd) return inside
    return fc.oneof(inside, fc.constantFrom(minimum - 1, minimum, maximum, maximum + 1, 0, 2 ** 53, 1.5))
  }

  #resolve(ref: string): Schema {
    if (ref === '#') return this.#root
    return this.#root.$defs?.[ref.replace('#/$defs/', '')] ?? {}
  }
}
