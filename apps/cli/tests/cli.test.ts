import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type Cloud,
  openCloud,
  type ServerProcess,
  type TestKey,
} from '../../../modules/identity/tests/cloud.ts'
import { main } from '../src/main.ts'

let cloud: Cloud
let server: ServerProcess
let key: TestKey
let dataDir: string
beforeAll(async () => {
  cloud = await openCloud()
  server = await cloud.start()
  dataDir = server.platform.kernel.dataDir
})
afterAll(() => cloud.close())
beforeEach(async () => {
  key = await server.makeProject()
  const { projectId, keyId, secret } = key
  const text = JSON.stringify({ url: server.url, projectId, keyId, keySecret: secret })
  writeFileSync(join(dataDir, 'dev.json'), text, { mode: 0o600 })
})

async function parley(line: readonly string[], env: Record<string, string> = { PARLEY_DATA_DIR: dataDir }) {
  let out = ''
  let complaints = ''
  const code = await main(line, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (complaints += text) },
    env,
  })
  return { code, out, complaints, json: () => JSON.parse(out) }
}

describe('token', () => {
  test('prints a token that opens the server, and nothing else', async () => {
    const { code, out } = await parley(['token', 'alice', '--ttl', '5m'])
    expect(code).toBe(0)
    expect((await server.call(out.trim(), 'GET', '/v1/users/alice')).status).toBe(200)
    const again = await parley(['token', 'alice', '--create', '--grants', '{"rtc":{"room":"r"}}', '--json'])
    expect((await server.call(again.json().token, 'GET', '/v1/users/alice/devices')).body.code).toBe(
      'grant-missing',
    )
  })

  test('says what is wrong and what to type', async () => {
    const env = { PARLEY_URL: server.url, PARLEY_KEY_ID: key.keyId, PARLEY_KEY_SECRET: key.secret }
    const unknown = await parley(['token', 'bob'], env)
    expect(unknown).toMatchObject({ code: 1, out: '' })
    expect(unknown.complaints).toContain('--create')
    expect((await parley(['token', 'bob', '--json'], env)).json().error.code).toBe('user-not-found')
    expect((await parley(['token'])).code).toBe(2)
    expect((await parley(['token', 'bob', '--ttl', '5'])).complaints).toContain('say 90s')
    expect((await parley(['token', 'bob', '--grants', '{'])).code).toBe(2)
    const refused = await parley(['token', 'bob', '--grants', '{"chat":{"send":7}}'])
    expect(refused.complaints).toContain('grants.chat.send')
  })
})

describe('projects', () => {
  test('are made and listed with the master key of the data folder', async () => {
    const made = await parley(['projects', 'create', 'Shop', '--json'])
    expect(made).toMatchObject({ code: 0, complaints: '' })
    const { project, key: its } = made.json()
    const shopKey = { projectId: project.id, keyId: its.id, secret: its.secret }
    expect((await server.call(shopKey, 'GET', '/v1/project')).body.name).toBe('Shop')
    expect((await parley(['projects', 'list'])).out).toContain(project.id)
    expect((await parley(['projects', 'create'])).code).toBe(2)
  })

  test('are refused without the master key of the server', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'parley-cli-'))
    const none = await parley(['projects', 'list'], { PARLEY_DATA_DIR: empty, PARLEY_URL: server.url })
    expect(none.complaints).toContain('no master key')
    expect(existsSync(join(empty, 'master.key'))).toBe(false)
    const env = { PARLEY_URL: server.url, PARLEY_MASTER_KEY: Buffer.alloc(32, 1).toString('base64') }
    expect((await parley(['projects', 'list', '--json'], env)).json().error.code).toBe('unauthenticated')
    rmSync(empty, { recursive: true })
  })
})

describe('keys', () => {
  test('are made, listed without secrets, and revoked', async () => {
    const made = (await parley(['keys', 'create', '--name', 'next', '--json'])).json()
    expect(await parley(['keys', 'create'])).toMatchObject({ code: 1 })
    const listed = await parley(['keys'])
    expect(listed.out).toContain(made.id)
    expect(listed.out).not.toContain(made.secret)
    expect((await parley(['keys', 'revoke', key.keyId])).complaints).toContain('does not revoke itself')
    expect((await parley(['keys', 'revoke', made.id])).code).toBe(0)
    expect((await parley(['keys', 'list', '--json'])).json().items[1].revokedAt).toBeDefined()
    const forProject = await parley(['keys', 'create', '--project', key.projectId, '--json'])
    expect(forProject.json().secret).toBeDefined()
  })

  test('rotate to a new one; dev.json follows and stays private', async () => {
    expect((await parley(['keys', 'rotate'])).code).toBe(0)
    const path = join(dataDir, 'dev.json')
    const written = JSON.parse(readFileSync(path, 'utf8'))
    expect(written).toMatchObject({ url: server.url, projectId: key.projectId })
    expect(written.keyId).not.toBe(key.keyId)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const states = (await parley(['keys', 'list', '--json'])).json().items
    expect(
      states.map((one: { id: string; revokedAt?: string }) => [one.id, one.revokedAt !== undefined]),
    ).toEqual([
      [written.keyId, false],
      [key.keyId, true],
    ])
  })
})

describe('config', () => {
  test('lists every setting with its value and where it comes from, secrets hidden', async () => {
    const masterKey = Buffer.alloc(32, 9).toString('base64')
    const env = { PARLEY_PORT: '9000', PARLEY_MASTER_KEY: masterKey }
    const { code, out, json } = await parley(['config', '--json'], env)
    expect(code).toBe(0)
    expect(out).not.toContain(masterKey)
    const byName = new Map(json().settings.map((one: { env: string }) => [one.env, one]))
    expect(byName.get('PARLEY_PORT')).toMatchObject({ value: 9000, source: 'environment', default: 7700 })
    expect(byName.get('PARLEY_MASTER_KEY')).toMatchObject({ value: '(set)', source: 'environment' })
    expect(byName.get('PARLEY_PRESENCE_GRACE_MS')).toMatchObject({ room: 'identity', source: 'default' })
    for (const setting of json().settings) expect(setting.doc, setting.env).not.toBe('')
  })

  test('marks what does not fit', async () => {
    const { code, out } = await parley(['config', 'gateway'], { PARLEY_GATEWAY_HEARTBEAT_MS: 'soon' })
    expect(code).toBe(1)
    expect(out).toContain('WRONG: PARLEY_GATEWAY_HEARTBEAT_MS')
    expect((await parley(['config'], { PARLEY_PORT: 'x' })).complaints).toContain('PARLEY_PORT')
  })
})

describe('init', () => {
  test('makes a private data folder with master key and configuration, once', async () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'parley-cli-')), 'data')
    const line = ['init', '--data-dir', folder, '--port', '7800', '--mode', 'production', '--json']
    const { code, json } = await parley(line, {})
    expect(code).toBe(0)
    expect(JSON.parse(readFileSync(json().configPath, 'utf8'))).toEqual({
      PARLEY_DATA_DIR: folder,
      PARLEY_PORT: 7800,
      PARLEY_MODE: 'production',
    })
    const masterKey = readFileSync(join(folder, 'master.key'), 'utf8')
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect((await parley(line, {})).code).toBe(1)
    expect((await parley([...line, '--force'], {})).code).toBe(0)
    expect(readFileSync(join(folder, 'master.key'), 'utf8')).toBe(masterKey)
    const config = await parley(['config', 'kernel', '--json'], { PARLEY_CONFIG_FILE: json().configPath })
    expect(config.json().settings).toContainEqual(
      expect.objectContaining({ env: 'PARLEY_PORT', value: 7800, source: 'file' }),
    )
    rmSync(join(folder, '..'), { recursive: true })
  })
})

describe('command line', () => {
  test('help tells of every command and each command of itself', async () => {
    const { out } = await parley([])
    for (const name of ['init', 'token', 'projects', 'keys', 'config', 'doctor']) {
      expect(out).toContain(`parley ${name}`)
      const help = await parley([name, '--help'])
      expect(help.code).toBe(0)
      expect(help.out).toContain('--json')
    }
  })

  test('a wrong command, option or word is exit code 2, no server is 3', async () => {
    expect((await parley(['frob'])).code).toBe(2)
    expect((await parley(['token', '--frob'])).code).toBe(2)
    expect((await parley(['keys', 'frob'])).code).toBe(2)
    const env = { PARLEY_DATA_DIR: dataDir, PARLEY_URL: 'http://127.0.0.1:1' }
    const away = await parley(['keys', 'list'], env)
    expect(away.code).toBe(3)
    expect(away.complaints).toContain('npm start')
  })
})
