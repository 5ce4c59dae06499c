import type { ProjectScope, Statement, Transaction } from '@parley/core/store'

/** How ids begin that stand in place of those of erased users. */
export const pseudonymPrefix = 'erased_'

/** One line of an export. */
export type ExportRecord = { type: string } & Record<string, unknown>

export interface ExportCall {
  project: ProjectScope
  /** Messages from then on, and before then. */
  from?: Date | undefined
  to?: Date | undefined
  files: boolean
  signal: AbortSignal
  /** Waits where the writer does not follow. */
  write(record: ExportRecord): Promise<void>
}

export interface EraseCall {
  projectId: string
  userId: string
  /** What stands where the id was; the id itself where it is kept. */
  pseudonym: string
  /** 1, and 2 once everything that was under way has settled: what arrived meanwhile is taken, too. */
  pass: 1 | 2
  /** What the step before left; undefined at the beginning. */
  checkpoint: unknown
}

export interface EraseStep {
  /** Rows by the name of the place. */
  counts: Record<string, number>
  /** Absent: this part has nothing left. */
  checkpoint?: unknown
  /** Nothing can be done before so long; milliseconds. The step is repeated. */
  waitMs?: number
}

/** What a module keeps of users: how it is handed out, and how it goes. */
export interface PersonalData {
  readonly name: string
  /** Writes what comes after `after`; answers where it ended, undefined when nothing is left. Pieces may be large. */
  exportUser?(call: ExportCall, userId: string, after: string | undefined): Promise<string | undefined>
  exportConversation?(
    call: ExportCall,
    conversationId: string,
    after: string | undefined,
  ): Promise<string | undefined>
  /** A bounded step in a transaction that also keeps where the erasure is. It may be repeated, then it finds nothing. */
  erase?(tx: Transaction, call: EraseCall): Promise<EraseStep>
}

/** Rows of one table that belong to users. Names of parameters: `:project`, `:user`, `:quoted`, `:pseudonym`, `:limit`. */
export interface PersonalTable {
  /** As exports and receipts call it: `push.devices`. */
  place: string
  /** Selects one column `record`. */
  select?: string
  /** Deletes or empties at most `:limit` rows, and none that it has done before. */
  erase?: string
}

const rowsAtOnce = 1_000

/** The data of a module whose tables name their users plainly. */
export function personalTables(name: string, tables: readonly PersonalTable[]): PersonalData {
  return {
    name,
    exportUser: async (call, userId) => {
      for (const { place, select } of tables) {
        if (select === undefined) continue
        const statement = bind(select, call.project.projectId, { userId, pseudonym: '' })
        await eachRow<{ record: object }>(call.project, statement, async ({ record }) => {
          await call.write({ type: place, ...record })
        })
      }
      return undefined
    },
    erase: async (tx, call) => {
      const done = typeof call.checkpoint === 'number' ? call.checkpoint : 0
      const table = tables[done]
      if (table === undefined) return { counts: {} }
      if (table.erase === undefined) return { counts: {}, checkpoint: done + 1 }
      const { rowCount } = await tx.query(bind(table.erase, call.projectId, call))
      const counts = { [table.place]: rowCount }
      if (rowCount >= rowsAtOnce) return { counts, checkpoint: done }
      return done + 1 < tables.length ? { counts, checkpoint: done + 1 } : { counts }
    },
  }
}

/** Reads all rows of a statement as of one moment, a few hundred at a time. */
export async function eachRow<Row>(
  project: ProjectScope,
  statement: Statement,
  handle: (row: Row) => Promise<void>,
): Promise<void> {
  await project.transaction((tx) => eachRowIn<Row>(tx, statement, handle))
}

/** As `eachRow`, in a transaction that is there. One at a time in it. */
export async function eachRowIn<Row>(
  tx: Transaction,
  { text, values = [] }: Statement,
  handle: (row: Row) => Promise<void>,
): Promise<void> {
  await tx.query({ text: `declare personal_rows no scroll cursor for ${text}`, values })
  for (;;) {
    const { rows } = await tx.query<Row>({ text: 'fetch 500 from personal_rows' })
    for (const row of rows) await handle(row)
    if (rows.length < 500) break
  }
  await tx.query({ text: 'close personal_rows' })
}

function bind(
  text: string,
  projectId: string,
  { userId, pseudonym }: { userId: string; pseudonym: string },
): Statement {
  const values: unknown[] = []
  const known: Record<string, unknown> = {
    project: projectId,
    user: userId,
    quoted: JSON.stringify(userId),
    pseudonym,
    quotedPseudonym: JSON.stringify(pseudonym),
    limit: rowsAtOnce,
  }
  const places = new Map<string, number>()
  const bound = text.replaceAll(/(?<!:):([a-z][A-Za-z]*)/g, (_, name: string) => {
    if (!(name in known)) throw new Error(`a statement about users names :${name}`)
    const place = places.get(name) ?? values.push(known[name])
    places.set(name, place)
    return `$${place}${name === 'limit' ? '::int' : '::text'}`
  })
  return { text: bound, values }
}
