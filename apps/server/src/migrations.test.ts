import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { serverMigrations } from './migrations.ts'

const file = fileURLToPath(new URL('migration-history.txt', import.meta.url))

/** A line a step, with the beginning of its SHA-256. */
const present = serverMigrations.flatMap(({ schema, steps }) =>
  steps.map(
    ({ id, sql }) => `${schema}/${id} ${createHash('sha256').update(sql).digest('hex').slice(0, 16)}`,
  ),
)
const schemaOf = (line: string) => line.slice(0, line.indexOf('/'))

test('recorded steps keep their text and place, so that installations can be upgraded', () => {
  const recorded = readFileSync(file, 'utf8').trim().split('\n')
  for (const schema of new Set(recorded.map(schemaOf))) {
    const [before, now] = [recorded, present].map((lines) =>
      lines.filter((line) => schemaOf(line) === schema),
    )
    expect(now?.slice(0, before?.length)).toEqual(before)
  }
})

test('every step is recorded; npx vitest run apps/server/src/migrations -u adds new ones', async () => {
  await expect(`${present.join('\n')}\n`).toMatchFileSnapshot(file)
})
