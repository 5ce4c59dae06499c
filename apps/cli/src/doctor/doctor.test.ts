import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Installation } from '../installation.ts'
import { checkDatabase } from './database.ts'
import { installedFfmpeg } from './ffmpeg.ts'
import type { Check } from './finding.ts'
import { checkDataFolder, checkMasterKey, checkNode } from './machine.ts'
import { checkMedia } from './media.ts'
import { checkPorts, checkServer } from './network.ts'
import { checkChromium, checkFfmpeg } from './programs.ts'

let dataDir: string
let server: Server | undefined
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'parley-doctor-test-'))
})
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
  rmSync(dataDir, { recursive: true, force: true })
})

const look = async (check: Check, env: Record<string, string> = {}) =>
  check({
    installation: new Installation({ PARLEY_DATA_DIR: dataDir, ...env }, undefined),
    repository: dataDir,
    note: () => {},
  })

async function serve(answer: (path: string) => object): Promise<number> {
  server = createServer((request, response) => {
    response.end(JSON.stringify(answer(request.url ?? '')))
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

test('this Node and a fresh data folder are fine', async () => {
  expect(await look(checkNode)).toMatchObject([{ state: 'fine' }])
  expect(await look(checkDataFolder, { PARLEY_DATA_DIR: join(dataDir, 'not', 'there') })).toMatchObject([
    { state: 'fine', detail: expect.stringContaining('not made yet') },
  ])
})

test('a master key that others may read is a problem with its mending line', async () => {
  const path = join(dataDir, 'master.key')
  writeFileSync(path, 'x')
  chmodSync(path, 0o644)
  expect(await look(checkMasterKey)).toMatchObject([{ state: 'problem', mend: `chmod 600 ${path}` }])
  chmodSync(path, 0o600)
  expect(await look(checkMasterKey)).toMatchObject([{ state: 'fine' }])
})

test('the embedded database runs here, and a database server that is away is a problem', async () => {
  expect(await look(checkDatabase)).toMatchObject([
    { state: 'fine', detail: expect.stringContaining('PostgreSQL 18') },
  ])
  const away = await look(checkDatabase, { PARLEY_DATABASE_URL: 'postgres://u:hidden@127.0.0.1:1/x' })
  expect(away).toMatchObject([{ state: 'problem', detail: 'nothing answers at 127.0.0.1:1' }])
  expect(JSON.stringify(away)).not.toContain('hidden')
})

test('a port that another program holds is a problem, one that Parley holds is not', async () => {
  const free = { PARLEY_CONTENT_PORT: '0', PARLEY_MEDIA_PORT: '0' }
  const port = await serve(() => ({ hello: 'world' }))
  const foreign = await look(checkPorts, { ...free, PARLEY_PORT: String(port) })
  expect(foreign[0]).toMatchObject({ state: 'problem', mend: expect.stringContaining('PARLEY_PORT') })
  server?.removeAllListeners('request')
  server?.on('request', (_, response) => response.end('{"status":"ok"}'))
  expect((await look(checkPorts, { ...free, PARLEY_PORT: String(port) }))[0]).toMatchObject({ state: 'fine' })
})

test('the server is looked at through its readiness', async () => {
  let answer: object = { status: 'not-ready', parts: { database: 'gone', outbox: 'ok' } }
  const port = await serve(() => answer)
  const url = { PARLEY_URL: `http://127.0.0.1:${port}` }
  expect(await look(checkServer, url)).toMatchObject([
    { state: 'problem', detail: expect.stringContaining('database gone') },
  ])
  answer = { status: 'ready', parts: {} }
  expect(await look(checkServer, url)).toMatchObject([{ state: 'fine' }])
  answer = { other: true }
  expect(await look(checkServer, url)).toMatchObject([{ state: 'problem' }])
  expect(await look(checkServer, { PARLEY_URL: 'http://127.0.0.1:1' })).toMatchObject([
    { state: 'lacking', mend: 'npm start' },
  ])
})

test('programs: a wrong PARLEY_CHROMIUM is told, and an ffmpeg in the data folder is preferred', async () => {
  expect(await look(checkChromium, { PARLEY_CHROMIUM: '/no/chromium' })).toMatchObject([{ state: 'lacking' }])
  expect(installedFfmpeg(dataDir)).toBeUndefined()
  const folder = join(dataDir, 'ffmpeg', 'node_modules', 'node-av', 'binary')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'ffmpeg'), '')
  expect(await look(checkFfmpeg)).toMatchObject([{ state: 'fine', detail: join(folder, 'ffmpeg') }])
})

test('media: what clients are told, and what keeps it from flowing', async () => {
  const [udp, address, turn] = await look(checkMedia, { PARLEY_MEDIA_ADDRESSES: '127.0.0.1' })
  expect(udp).toMatchObject({ name: 'Media UDP', state: 'fine' })
  expect(address).toMatchObject({ state: 'lacking', mend: expect.stringContaining('PARLEY_PUBLIC_ADDRESS') })
  expect(turn).toMatchObject({ state: 'fine' })
  const [deaf] = await look(checkMedia, { PARLEY_MEDIA_ADDRESSES: '203.0.113.9' })
  expect(deaf).toMatchObject({ state: 'problem', detail: expect.stringContaining('203.0.113.9') })
  const told = await look(checkMedia, {
    PARLEY_PUBLIC_ADDRESS: '198.51.100.7',
    PARLEY_TURN_URLS: 'turn:turn.example.com',
  })
  expect(told[1]).toMatchObject({ state: 'fine', detail: expect.stringContaining('198.51.100.7') })
  expect(told[2]).toMatchObject({ state: 'problem', detail: expect.stringContaining('PARLEY_TURN_SECRET') })
  const [, name] = await look(checkMedia, { PARLEY_PUBLIC_ADDRESS: 'media.example.com' })
  expect(name).toMatchObject({ state: 'problem' })
})
