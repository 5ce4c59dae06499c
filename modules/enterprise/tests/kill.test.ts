import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestDatabase } from '@parley/testing/postgres'
import { type ServerProcess, startServerProcess } from '@parley/testing/server-process'
import { expect, test } from 'vitest'
import { eventually } from './fixture.ts'

const rows = 4_000

test('ENT-7: an import whose process is killed twice goes on elsewhere and counts each row once', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-import-'))
  const database = await createTestDatabase()
  const start = (): Promise<ServerProcess> =>
    startServerProcess({
      dataDir,
      env: {
        PARLEY_DATABASE_URL: database.url,
        PARLEY_ENTERPRISE_IMPORT_BATCH: '25',
        PARLEY_RTC: 'off',
      },
    })
  let server = await start()
  const { keyId, keySecret } = server.key
  const authorization = `Basic ${Buffer.from(`${keyId}:${keySecret}`).toString('base64')}`
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(new URL(path, server.url), {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return (await response.json()) as Record<string, number | string>
  }
  try {
    await call('PUT', '/v1/directory/departments/all', { name: 'All' })
    const lines = Array.from({ length: rows }, (_, index) =>
      JSON.stringify({ userId: `u${index}`, name: `User ${index}`, departments: [{ departmentId: 'all' }] }),
    )
    const content = lines.join('\n')
    await call('POST', '/v1/directory/imports', { id: 'big', kind: 'members', format: 'json-lines', content })
    for (const part of [0.1, 0.4]) {
      const seen = await eventually(async () => {
        const { doneRows } = await call('GET', '/v1/directory/imports/big')
        return Number(doneRows) >= rows * part ? Number(doneRows) : undefined
      }, 60_000)
      expect(seen).toBeLessThan(rows)
      await server.kill()
      server = await start()
    }
    const done = await eventually(async () => {
      const state = await call('GET', '/v1/directory/imports/big')
      return state.state === 'finished' ? state : undefined
    }, 60_000)
    expect(done).toMatchObject({ doneRows: rows, changedRows: rows, unchangedRows: 0, failedRows: 0 })
    expect((await call('GET', '/v1/directory/departments/all')).memberCount).toBe(rows)
  } finally {
    await server.kill()
    await database.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}, 180_000)
