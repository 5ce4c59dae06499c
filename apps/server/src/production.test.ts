import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@parley/core/kernel'
import { createTestDatabase } from '@parley/testing/postgres'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startServer } from './server.ts'

let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'parley-production-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const start = (env: Record<string, string>) =>
  startServer({
    logger: silentLogger,
    env: {
      PARLEY_MODE: 'production',
      PARLEY_DATA_DIR: dataDir,
      PARLEY_PORT: '0',
      PARLEY_CONTENT_PORT: '0',
      PARLEY_MEDIA_PORT: '0',
      PARLEY_HOST: '127.0.0.1',
      ...env,
    },
  })

test('production refuses to start with what is open in development', async () => {
  await expect(start({ PARLEY_DEMO: 'true' })).rejects.toThrow('PARLEY_DEMO')
  writeFileSync(join(dataDir, 'dev.json'), '{}')
  await expect(start({})).rejects.toThrow('dev.json')
})

test('production serves no demo, gives no tokens and writes no key', async () => {
  const database = await createTestDatabase()
  const server = await start({ PARLEY_DATABASE_URL: database.url })
  try {
    expect((await fetch(`${server.url}/demo/session?user=alice`)).status).toBe(404)
    expect((await fetch(`${server.url}/`)).status).toBe(404)
    // The media workers may take a moment longer than the doors.
    await vi.waitFor(async () => expect((await fetch(`${server.url}/readyz`)).status).toBe(200), 10_000)
    expect(existsSync(join(dataDir, 'dev.json'))).toBe(false)
  } finally {
    await server.close()
    await database.close()
  }
})

test('another name than this machine’s own, or a proxy, gets no demo token', async () => {
  const database = await createTestDatabase()
  const server = await start({ PARLEY_MODE: 'development', PARLEY_DATABASE_URL: database.url })
  const session = (headers: Record<string, string>) =>
    fetch(`${server.url}/demo/session?user=alice`, { headers })
  try {
    expect((await session({})).status).toBe(200)
    expect((await session({ 'x-forwarded-for': '203.0.113.7' })).status).toBe(403)
  } finally {
    await server.close()
    await database.close()
  }
})
