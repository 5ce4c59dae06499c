import type { AnySchema } from '@parley/contracts'
import { z } from 'zod'

export type JsonSchema = Record<string, unknown>

type Direction = 'input' | 'output'

const localPrefix = '#/$defs/'
const componentPrefix = '#/components/schemas/'
/** Marks a reference whose final name depends on whether both directions turn out to be the same schema. */
const draftPrefix = 'draft:'
const anyJson = 'Json'

/**
 * Gathers the named schemas (`.meta({id})`) of all endpoints as components. A name whose request and answer differ
 * (defaults are optional in one and always there in the other) becomes two components: `Name` and `NameInput`.
 */
export class ComponentRegistry {
  readonly #drafts = { input: new Map<string, JsonSchema>(), output: new Map<string, JsonSchema>() }
  #split = new Set<string>()

  /** A component that is written by hand. */
  add(name: string, schema: JsonSchema): void {
    this.#drafts.output.set(name, schema)
  }

  input(schema: AnySchema): JsonSchema {
    return this.#convert(schema, 'input')
  }

  output(schema: AnySchema): JsonSchema {
    return this.#convert(schema, 'output')
  }

  /** All components, sorted by name. After it `resolve` can be called. */
  finish(): Record<string, JsonSchema> {
    this.#split = this.#differingNames()
    const components = new Map<string, JsonSchema>()
    for (const [name, schema] of this.#drafts.output) components.set(name, this.resolve(schema))
    for (const [name, schema] of this.#drafts.input) {
      const final = this.#finalName('input', name)
      if (!components.has(final)) components.set(final, this.resolve(schema))
    }
    return Object.fromEntries([...components].sort(([one], [other]) => (one < other ? -1 : 1)))
  }

  /** Replaces draft references by final ones. */
  resolve<T>(value: T): T {
    return mapRefs(value, (ref) => {
      if (!ref.startsWith(draftPrefix)) return ref
      const [direction, name = ''] = ref.slice(draftPrefix.length).split('/')
      return `${componentPrefix}${this.#finalName(direction as Direction, name)}`
    }) as T
  }

  #finalName(direction: Direction, name: string): string {
    return direction === 'input' && this.#split.has(name) ? `${name}Input` : name
  }

  #convert(schema: AnySchema, direction: Direction): JsonSchema {
    const converted = z.toJSONSchema(schema, {
      io: direction,
      unrepresentable: 'any',
      override: ({ jsonSchema }) => tidy(jsonSchema as JsonSchema, direction),
    }) as JsonSchema & { $defs?: Record<string, JsonSchema> }
    const { $schema: _, $defs = {}, ...rest } = converted
    for (const [name, definition] of Object.entries($defs)) {
      const component = componentName(name)
      const draft = this.#draftRefs(name === component ? definition : jsonComponent, direction)
      this.#drafts[direction].set(component, withoutId(draft))
    }
    const draft = this.#draftRefs(rest, direction)
    if (typeof rest.id !== 'string') return draft
    this.#drafts[direction].set(rest.id, withoutId(draft))
    return { $ref: `${draftPrefix}${direction}/${rest.id}` }
  }

  #draftRefs(schema: JsonSchema, direction: Direction): JsonSchema {
    return mapRefs(schema, (ref) =>
      ref.startsWith(localPrefix)
        ? `${draftPrefix}${direction}/${componentName(ref.slice(localPrefix.length))}`
        : ref,
    ) as JsonSchema
  }

  /** Names whose two directions differ by themselves, or through what they refer to. */
  #differingNames(): Set<string> {
    const { input, output } = this.#drafts
    const differing = new Set<string>()
    for (;;) {
      const before = differing.size
      for (const [name, schema] of input) {
        const other = output.get(name)
        if (other === undefined) continue
        const text = JSON.stringify(schema).replaceAll(`${draftPrefix}input/`, draftPrefix)
        const otherText = JSON.stringify(other).replaceAll(`${draftPrefix}output/`, draftPrefix)
        const refers = [...differing].some((found) => text.includes(`"${draftPrefix}${found}"`))
        if (text !== otherText || refers) differing.add(name)
      }
      if (differing.size === before) return differing
    }
  }
}

const jsonComponent: JsonSchema = { description: 'Any JSON value' }

/** Recursive schemas without a name are `z.json()`, the only ones there are. */
function componentName(name: string): string {
  return name.startsWith('__schema') ? anyJson : name
}

function withoutId(schema: JsonSchema): JsonSchema {
  const { id: _, ...rest } = schema
  return rest
}

/** Takes out what says nothing: the bounds of safe integers, and that answers are closed (they may grow). */
function tidy(schema: JsonSchema, direction: Direction): void {
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum
  if (direction === 'output' && schema.additionalProperties === false) delete schema.additionalProperties
  if (schema.format === 'date-time') delete schema.pattern
}

function mapRefs(value: unknown, map: (ref: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => mapRefs(item, map))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      name === '$ref' && typeof item === 'string' ? map(item) : mapRefs(item, map),
    ]),
  )
}
