import { AppError, isStorableText } from '@parley/contracts'

export interface JsonLimits {
  maxDepth: number
}

/**
 * Parses JSON from outside (RFC 8259) as strictly as RFC 7493 (I-JSON) wants it: UTF-8 without errors, no name
 * twice in an object, no lone surrogates; and for our sake no U+0000, no `__proto__` and no deep nesting. Throws an
 * AppError with `invalid-json`, or `invalid-request` when the JSON is fine but holds what cannot be stored.
 */
export function parseJson(bytes: Uint8Array, limits: JsonLimits): unknown {
  return parseJsonText(decodeUtf8(bytes), limits)
}

/** As `parseJson`, for text that arrived as text. */
export function parseJsonText(text: string, limits: JsonLimits): unknown {
  if (!text.isWellFormed()) throw new AppError('invalid-request', 'The body holds a lone surrogate')
  checkDepth(text, limits.maxDepth)
  const value = parse(text)
  checkNames(text)
  if (mayHoldUnstorable.test(text)) checkStorable(value, '')
  return value
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new AppError('invalid-json', 'The body is not UTF-8', { cause })
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError('invalid-json', undefined, { cause })
  }
}

const quote = 0x22
const backslash = 0x5c
const openArray = 0x5b
const closeArray = 0x5d
const openObject = 0x7b
const closeObject = 0x7d
const colon = 0x3a

/** Before parsing, as the parser itself and whoever walks the value would recurse. */
function checkDepth(text: string, maxDepth: number): void {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) at = endOfString(text, at)
    else if (code === openArray || code === openObject) {
      if (++depth > maxDepth) {
        throw new AppError('invalid-json', `The body is nested deeper than ${maxDepth} levels`)
      }
    } else if (code === closeArray || code === closeObject) depth--
  }
}

/** After parsing, so that the text is known to be JSON. */
function checkNames(text: string): void {
  const names: (Set<string> | undefined)[] = []
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      const end = endOfString(text, at)
      const open = names.at(-1)
      if (open !== undefined && isName(text, end + 1)) addName(open, text.slice(at, end + 1))
      at = end
    } else if (code === openObject) names.push(new Set())
    else if (code === openArray) names.push(undefined)
    else if (code === closeArray || code === closeObject) names.pop()
  }
}

function addName(names: Set<string>, quoted: string): void {
  const name: string = quoted.includes('\\') ? JSON.parse(quoted) : quoted.slice(1, -1)
  if (name === '__proto__') throw new AppError('invalid-json', 'The name __proto__ is not taken')
  if (names.has(name)) throw new AppError('invalid-json', 'A name stands twice in one object')
  names.add(name)
}

/** Index of the closing quote, or of the end of the text. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === backslash) at++
    else if (code === quote) return at
  }
  return text.length
}

function isName(text: string, from: number): boolean {
  let at = from
  while (at < text.length && text.charCodeAt(at) <= 0x20) at++
  return text.charCodeAt(at) === colon
}

/** Only an escape can bring U+0000 or a surrogate without its partner into well-formed UTF-8. */
const mayHoldUnstorable = /\\u(?:0000|d[89a-f])/i

function checkStorable(value: unknown, path: string): void {
  if (typeof value === 'string') {
    if (!isStorableText(value)) throw unstorable(path)
  } else if (Array.isArray(value)) {
    value.forEach((item, index) => {
      checkStorable(item, join(path, String(index)))
    })
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, item] of Object.entries(value)) {
      if (!isStorableText(name)) throw unstorable(path)
      checkStorable(item, join(path, name))
    }
  }
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

function unstorable(path: string): AppError {
  const message = 'holds U+0000 or a lone surrogate'
  return new AppError('invalid-request', `The body ${message}`, { issues: [{ path, message }] })
}
