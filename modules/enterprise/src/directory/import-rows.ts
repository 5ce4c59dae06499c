import { customId, departmentInput, memberInput } from '@parley/contracts'
import { parseJsonText } from '@parley/core/http'
import type { ImportedRow } from './directory-writer.ts'
import type { RowFailure } from './row-outcome.ts'

export type ImportKind = 'members' | 'departments'
export type ImportFormat = 'json-lines' | 'csv'
type Fields = Record<string, unknown>

/**
 * Rows of an import, each parsed or with what is wrong with it. The same text gives the same rows, so that a place in
 * it is a number. Lines of JSON hold the fields of the endpoints with `id` (`userId`); columns of CSV have the same
 * names, several departments or tags stand in one cell apart by `;`, a title behind its department and `:`.
 */
export function readRows(
  content: string,
  format: ImportFormat,
  kind: ImportKind,
): (ImportedRow | RowFailure)[] {
  const records = format === 'csv' ? readCsv(content) : readLines(content)
  return records.map((record) => (isFailure(record) ? record : toRow(record, kind)))
}

export function isFailure(row: object): row is RowFailure {
  return 'code' in row && 'detail' in row
}

function readLines(content: string): (Fields | RowFailure)[] {
  const lines = content.split(/\r\n|\n/).filter((line) => line.trim() !== '')
  return lines.map((line) => {
    try {
      const value = parseJsonText(line, { maxDepth: 8 })
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
        const { code: _code, ...fields } = value as Fields
        return fields
      }
    } catch {
      // Told as any other line that is no object.
    }
    return { code: 'invalid-json' as const, detail: 'The line is no JSON object' }
  })
}

function toRow(record: Fields, kind: ImportKind): ImportedRow | RowFailure {
  const { id, userId, ...fields } = record
  const rowId = customId.safeParse(kind === 'members' ? (userId ?? id) : id)
  const input = kind === 'members' ? memberInput.safeParse(fields) : departmentInput.safeParse(fields)
  const issue = rowId.error?.issues[0] ?? input.error?.issues[0]
  if (issue !== undefined || !rowId.success || !input.success) {
    const path = rowId.success ? (issue?.path.join('.') ?? '') : kind === 'members' ? 'userId' : 'id'
    return { code: 'invalid-request', detail: `${path}: ${issue?.message ?? 'is not valid'}`.slice(0, 256) }
  }
  return { kind, id: rowId.data, input: input.data } as ImportedRow
}

/** RFC 4180, with a first row of names. */
function readCsv(content: string): (Fields | RowFailure)[] {
  const [names = [], ...rows] = splitCsv(content.replace(/^\uFEFF/, ''))
  return rows
    .filter((cells) => cells.length > 1 || cells[0] !== '')
    .map((cells) => {
      if (cells.length !== names.length)
        return {
          code: 'invalid-request' as const,
          detail: `The row has ${cells.length} cells, the header ${names.length}`,
        }
      return fromCells(names, cells)
    })
}

function fromCells(names: readonly string[], cells: readonly string[]): Fields {
  const record: Fields = {}
  names.forEach((name, index) => {
    const cell = cells[index]?.trim() ?? ''
    if (cell === '' || name === 'code' || name === '__proto__') return
    const parts = cell
      .split(';')
      .map((part) => part.trim())
      .filter((part) => part !== '')
    if (name === 'departments') record.departments = parts.map(toPlace)
    else if (name === 'tags') record.tags = parts
    else if (name === 'order') record.order = Number(cell)
    else if (name === 'visibility') record.visibility = { to: cell }
    else record[name] = cell
  })
  return record
}

function toPlace(cell: string): { departmentId: string; title?: string } {
  const colon = cell.indexOf(':')
  if (colon < 0) return { departmentId: cell }
  return { departmentId: cell.slice(0, colon), title: cell.slice(colon + 1) }
}

function splitCsv(text: string): string[][] {
  const rows: string[][] = []
  let cells: string[] = []
  let cell = ''
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? ''
    if (quoted) {
      if (char !== '"') cell += char
      else if (text[at + 1] === '"') {
        cell += char
        at++
      } else quoted = false
    } else if (char === '"' && cell === '') quoted = true
    else if (char === ',') {
      cells.push(cell)
      cell = ''
    } else if (char === '\n' || char === '\r') {
      if (char === '\r' && text[at + 1] === '\n') at++
      rows.push([...cells, cell])
      cells = []
      cell = ''
    } else cell += char
  }
  if (cell !== '' || cells.length > 0) rows.push([...cells, cell])
  return rows
}
