import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverMigrations } from '@parley/app-server/migrations'
import { openTestDatabase } from '@parley/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Installation } from '../installation.ts'
import { checkCertificate } from './certificate.ts'
import { checkContents } from './contents.ts'
import type { Check } from './finding.ts'
import { checkLastBackup } from './last-backup.ts'
import { checkPublicAddress } from './public-address.ts'

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

function certificate(name: string, host: string, days: number): Record<string, string> {
  const [cert, key] = [join(dataDir, `${name}.pem`), join(dataDir, `${name}.key`)]
  execFileSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        `${days}`,
      ],
      ...['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`, '-keyout', key, '-out', cert],
    ],
    { stdio: 'ignore' },
  )
  return { PARLEY_TLS_CERT: cert, PARLEY_TLS_KEY: key }
}

test('a certificate: its key, its name, its end', async () => {
  const good = certificate('good', 'chat.example.com', 90)
  const soon = certificate('soon', 'chat.example.com', 5)
  const url = { PARLEY_PUBLIC_URL: 'https://chat.example.com' }
  expect(await look(checkCertificate)).toMatchObject([{ state: 'fine' }])
  expect(await look(checkCertificate, { ...good, ...url })).toMatchObject([
    { state: 'fine', detail: expect.stringMatching(/89|90 days/) },
  ])
  expect(await look(checkCertificate, { ...soon, ...url })).toMatchObject([{ state: 'lacking' }])
  expect(await look(checkCertificate, { ...good, PARLEY_TLS_KEY: soon.PARLEY_TLS_KEY ?? '' })).toMatchObject([
    { state: 'problem', detail: expect.stringContaining('is not the key') },
  ])
  expect(
    await look(checkCertificate, { ...good, PARLEY_PUBLIC_URL: 'https://other.example.com' }),
  ).toMatchObject([{ state: 'problem', detail: expect.stringContaining('other.example.com') }])
  writeFileSync(join(dataDir, 'bad.pem'), 'x')
  expect(await look(checkCertificate, { ...good, PARLEY_TLS_CERT: join(dataDir, 'bad.pem') })).toMatchObject([
    { state: 'problem', detail: expect.stringContaining('cannot be read') },
  ])
  expect(await look(checkCertificate, { PARLEY_TLS_CERT: 'x' })).toMatchObject([{ state: 'problem' }])
})

test('the public address: reached, answered by us, and of the right kind', async () => {
  let answer: object = { status: 'ok' }
  server = createServer((_, response) => response.end(JSON.stringify(answer)))
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const here = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  expect(await look(checkPublicAddress)).toMatchObject([{ state: 'fine' }])
  expect(await look(checkPublicAddress, { PARLEY_MODE: 'production' })).toMatchObject([{ state: 'lacking' }])
  expect(await look(checkPublicAddress, { PARLEY_PUBLIC_URL: here })).toMatchObject([{ state: 'fine' }])
  expect(await look(checkPublicAddress, { PARLEY_PUBLIC_URL: here, PARLEY_CONTENT_URL: here })).toMatchObject(
    [{ state: 'fine' }, { name: 'Content origin', state: 'problem' }],
  )
  answer = { hello: 'world' }
  expect(await look(checkPublicAddress, { PARLEY_PUBLIC_URL: here })).toMatchObject([{ state: 'problem' }])
  expect(await look(checkPublicAddress, { PARLEY_PUBLIC_URL: 'https://127.0.0.1:1' })).toMatchObject([
    { state: 'lacking', detail: expect.stringContaining('not reached') },
    { name: 'Proxy', state: 'lacking' },
  ])
})

test('a backup: none, fresh, old', async () => {
  const production = { PARLEY_MODE: 'production' }
  const write = (at: number) =>
    writeFileSync(
      join(dataDir, 'last-backup.json'),
      JSON.stringify({ at: new Date(at).toISOString(), folder: '/backups/1' }),
    )
  expect(await look(checkLastBackup)).toMatchObject([{ state: 'fine' }])
  expect(await look(checkLastBackup, production)).toMatchObject([{ state: 'lacking' }])
  write(Date.now())
  expect(await look(checkLastBackup, production)).toMatchObject([{ state: 'fine' }])
  write(Date.now() - 9 * 86_400_000)
  expect(await look(checkLastBackup, production)).toMatchObject([
    { state: 'lacking', detail: expect.stringContaining('9 days ago') },
  ])
})

test('the database tells its version and clock, what was given up, and a restore that has not ended', async () => {
  const { database, url, close } = await openTestDatabase({ migrations: serverMigrations })
  try {
    const states = async () =>
      Object.fromEntries(
        (await look(checkContents, { PARLEY_DATABASE_URL: url })).map(({ name, state }) => [name, state]),
      )
    expect(await states()).toMatchObject({
      ...{ 'Database server': 'fine', 'Database clock': 'fine', Webhooks: 'fine' },
    })
    await database.system.query({
      text: `insert into webhooks.endpoints (project_id, id, url, events) values ('p', 'hook', 'http://x', '{*}')`,
    })
    await database.system.query({
      text: `insert into webhooks.deliveries (project_id, endpoint_id, id, event_id, event_type, resource, state)
        values ('p', 'hook', 'dlv', 'evt', 'a', 'r', 'dead')`,
    })
    expect(await states()).toMatchObject({ Webhooks: 'lacking' })
    const { endSession, openSession } = await import('@parley/core/backup')
    const client = await openSession(url)
    await client.query('create schema parley_restore')
    await endSession(client)
    expect(await states()).toMatchObject({ Restore: 'problem' })
    expect(await look(checkContents, { PARLEY_DATABASE_URL: 'postgres://127.0.0.1:1/x' })).toEqual([])
  } finally {
    await close()
  }
})
