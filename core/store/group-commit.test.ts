import { AppError } from '@parley/contracts'
import { openTestDatabase } from '@parley/testing/postgres'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Transaction } from './database.ts'
import { isUniqueViolation } from './errors.ts'
import { GroupCommit } from './group-commit.ts'

interface Line {
  log: string
  value: string
}

const migrations = [
  {
    schema: 'sample',
    steps: [
      {
        id: '0001-line',
        sql: `create table sample.line (
                log text not null,
                seq bigint not null,
                value text not null unique check (value not like 'poison%'),
                primary key (log, seq)
              )`,
      },
    ],
  },
]

let opened: Awaited<ReturnType<typeof openTestDatabase>>

beforeAll(async () => {
  opened = await openTestDatabase({ migrations, poolSize: 6 })
})

afterAll(() => opened?.close())

beforeEach(() => opened.database.system.query({ text: 'delete from sample.line' }))

/** Numbers the lines of each log densely, as a conversation does, and refuses blank ones by itself. */
async function append(items: readonly Line[], tx: Transaction): Promise<(number | Error)[]> {
  const heads = new Map<string, number>()
  const answers: (number | Error)[] = []
  const rows: { log: string; seq: number; value: string }[] = []
  for (const { log, value } of items) {
    if (value.startsWith('refused')) {
      answers.push(new AppError('invalid-request', value))
      continue
    }
    let head = heads.get(log)
    if (head === undefined) {
      const found = await tx.query<{ head: number }>({
        name: 'sample-head',
        text: 'select coalesce(max(seq), 0) as head from sample.line where log = $1',
        values: [log],
      })
      head = found.rows[0]?.head ?? 0
    }
    heads.set(log, head + 1)
    rows.push({ log, seq: head + 1, value })
    answers.push(head + 1)
  }
  await tx.query({
    name: 'sample-append',
    text: `insert into sample.line (log, seq, value)
           select log, seq, value from jsonb_to_recordset($1) as row (log text, seq bigint, value text)`,
    values: [JSON.stringify(rows)],
  })
  return answers
}

function groupCommit(options: Partial<ConstructorParameters<typeof GroupCommit<Line, number>>[0]> = {}) {
  return new GroupCommit<Line, number>({
    database: opened.database,
    lanes: 3,
    laneOf: (line) => line.log,
    commit: append,
    ...options,
  })
}

const word = fc.constantFrom('good', 'good', 'good', 'good', 'poison', 'refused')
const burst = fc.array(fc.record({ log: fc.constantFrom('a', 'b', 'c', 'd'), word }), { maxLength: 60 })

test('a bad item is rejected alone, and the others are written once, in order, without gaps', async () => {
  let run = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(burst, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 17 }),
      async (bursts, maxBatch) => {
        run++
        await opened.database.system.query({ text: 'delete from sample.line' })
        const commit = groupCommit({ maxBatch })
        const submitted: { line: Line; answer: Promise<number | Error> }[] = []
        for (const lines of bursts) {
          for (const { log, word } of lines) {
            const line = { log, value: `${word} ${run} ${submitted.length}` }
            submitted.push({ line, answer: commit.submit(line).catch((error: Error) => error) })
          }
          await new Promise((resolve) => setImmediate(resolve))
        }
        await commit.close()

        const expected: { log: string; value: string }[] = []
        for (const { line, answer } of submitted) {
          if (line.value.startsWith('good')) {
            expect(typeof (await answer)).toBe('number')
            expected.push(line)
          } else {
            expect(await answer).toBeInstanceOf(Error)
          }
        }
        const { rows } = await opened.database.system.query<{ log: string; seq: number; value: string }>({
          text: 'select log, seq, value from sample.line order by log, seq',
        })
        for (const log of ['a', 'b', 'c', 'd']) {
          const written = rows.filter((row) => row.log === log)
          expect(written.map((row) => row.value)).toEqual(
            expected.filter((line) => line.log === log).map((line) => line.value),
          )
          expect(written.map((row) => row.seq)).toEqual(written.map((_, index) => index + 1))
        }
        expect(commit.queued).toBe(0)
      },
    ),
    { numRuns: 25 },
  )
})

test('an answer comes only after the commit', async () => {
  const commit = groupCommit()
  const answers = Array.from({ length: 50 }, (_, i) =>
    commit.submit({ log: `log ${i % 7}`, value: `value ${i}` }).then(async () => {
      const { rowCount } = await opened.database.system.query({
        text: 'select from sample.line where value = $1',
        values: [`value ${i}`],
      })
      expect(rowCount).toBe(1)
    }),
  )
  await Promise.all(answers)
  await commit.close()
})

test('what arrives while a batch commits is the next batch', async () => {
  const sizes: number[] = []
  let release = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  let begun = () => {}
  const running = new Promise<void>((resolve) => {
    begun = resolve
  })
  const commit = groupCommit({
    lanes: 1,
    maxBatch: 8,
    commit: async (items, tx) => {
      sizes.push(items.length)
      begun()
      await gate
      return append(items, tx)
    },
  })
  const first = commit.submit({ log: 'a', value: 'first' })
  await running
  const rest = Array.from({ length: 10 }, (_, i) => commit.submit({ log: 'a', value: `rest ${i}` }))
  release()
  expect(await first).toBe(1)
  expect(await Promise.all(rest)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  expect(sizes).toEqual([1, 8, 2])
  await commit.close()
})

test('above its bound it refuses before it accepts, with a time to come again', async () => {
  const commit = groupCommit({ maxQueued: 5 })
  const accepted = Array.from({ length: 5 }, (_, i) => commit.submit({ log: 'a', value: `accepted ${i}` }))
  const refused = await commit.submit({ log: 'a', value: 'refused' }).catch((error: AppError) => error)
  expect(refused).toMatchObject({ code: 'overloaded', retryable: true })
  expect((refused as AppError).retryAfterMs).toBeGreaterThan(0)
  expect(await Promise.all(accepted)).toEqual([1, 2, 3, 4, 5])
  expect(await commit.submit({ log: 'a', value: 'later' })).toBe(6)
  await commit.close()
})

test('a failure of the database rejects the batch without halving it', async () => {
  let runs = 0
  const commit = groupCommit({
    commit: async () => {
      runs++
      throw new AppError('unavailable', 'gone')
    },
  })
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      commit.submit({ log: 'a', value: `value ${i}` }).catch((error: AppError) => error.code),
    ),
  )
  expect(answers).toEqual(Array(8).fill('unavailable'))
  expect(runs).toBe(1)
  await commit.close()
})

test('the rejected item gets its own typed error', async () => {
  const commit = groupCommit()
  await commit.submit({ log: 'a', value: 'same' })
  const again = await Promise.all([
    commit.submit({ log: 'a', value: 'other' }),
    commit.submit({ log: 'a', value: 'same' }).catch((error: unknown) => error),
  ])
  expect(again[0]).toBe(2)
  expect(isUniqueViolation(again[1], 'line_value_key')).toBe(true)
  await commit.close()
})

test('close answers what was accepted and accepts no more', async () => {
  const commit = groupCommit()
  const accepted = Array.from({ length: 20 }, (_, i) => commit.submit({ log: 'a', value: `value ${i}` }))
  await commit.close()
  expect(await Promise.all(accepted)).toHaveLength(20)
  await expect(commit.submit({ log: 'a', value: 'late' })).rejects.toMatchObject({ code: 'unavailable' })
})
