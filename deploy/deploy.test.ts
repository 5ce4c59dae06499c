import { spawn, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { serverSettings } from '@parley/app-server/settings'
import { createTestDatabase } from '@parley/testing/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { execForm, type Instruction, parseDockerfile, type Stage } from './dockerfile.ts'

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(here)
const read = (name: string) => readFileSync(join(here, name), 'utf8')
const settingNames = new Set(
  Object.values(serverSettings).flatMap((settings) => Object.values(settings).map(({ env }) => env)),
)

describe('Dockerfile', () => {
  const stages = parseDockerfile(read('Dockerfile'))
  const last = stages.at(-1) as Stage
  const all = stages.flatMap(({ instructions }) => instructions)
  const named = (name: string, from: readonly Instruction[] = all) =>
    from.filter((instruction) => instruction.name === name)

  test('every source is there, every stage that is copied from has a name, every program of a RUN exists', () => {
    for (const { text, flags, line } of named('COPY')) {
      const sources = text.split(' ').slice(0, -1)
      expect(sources.length, `line ${line}`).toBeGreaterThan(0)
      if (flags.from !== undefined) {
        expect(stages.map(({ name }) => name)).toContain(flags.from)
        continue
      }
      for (const source of sources)
        expect(existsSync(join(root, source)), `line ${line}: ${source}`).toBe(true)
    }
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    for (const { text } of named('RUN')) {
      for (const [, script = ''] of text.matchAll(/npm run (\S+)/g)) expect(scripts).toHaveProperty(script)
      for (const [, program = ''] of text.matchAll(/\bnode (\S+\.m?js)/g))
        expect(existsSync(join(root, program)), program).toBe(true)
    }
    expect(named('ADD')).toEqual([])
  })

  test('the image is pinned to its line, small, and does not run as root', () => {
    for (const { base } of stages) expect(base).toBe('node:20-bookworm-slim')
    for (const { text } of named('RUN').filter(({ text }) => text.includes('apt-get install')))
      expect(text).toMatch(/--no-install-recommends .*rm -rf \/var\/lib\/apt\/lists/)
    expect(named('USER', last.instructions).at(-1)?.text).toBe('node')
    expect(named('HEALTHCHECK', last.instructions)).toHaveLength(1)
    expect(named('CMD', last.instructions)).toHaveLength(1)
    for (const { text } of named('ENV'))
      for (const [, name = ''] of text.matchAll(/\b(PARLEY_\w+)=/g)) expect(settingNames).toContain(name)
  })

  test('what is built on this machine is kept out', () => {
    const ignored = read('Dockerfile.dockerignore').split('\n')
    for (const pattern of ['.git', '.parley', '**/node_modules', '**/dist', '**/build'])
      expect(ignored).toContain(pattern)
  })

  test('a line that is not understood is not passed over', () => {
    expect(() => parseDockerfile('FROM a\nRUM x')).toThrow('line 2: there is no instruction RUM')
    expect(() => parseDockerfile('RUN x')).toThrow('before FROM')
    expect(() => parseDockerfile('FROM a\nRUN x \\')).toThrow('goes on')
    expect(() => execForm('node main.js')).toThrow()
  })

  describe('carried out without an engine', () => {
    let tree: string
    let database: Awaited<ReturnType<typeof createTestDatabase>>
    beforeAll(async () => {
      tree = mkdtempSync(join(tmpdir(), 'parley-image-'))
      database = await createTestDatabase()
      copyInto(
        tree,
        named('COPY').filter(({ flags }) => flags.from === undefined),
      )
    })
    afterAll(async () => {
      await database.close()
      rmSync(tree, { recursive: true, force: true })
    })

    test('what it copies is enough to build and to serve, without the packages of development', async () => {
      linkPackages(tree, () => true)
      const builds = named('RUN').flatMap(({ text }) => /^node (\S+)$/.exec(text)?.[1] ?? [])
      expect(builds).toEqual(['scripts/build.mjs'])
      const built = spawnSync(process.execPath, builds, { cwd: tree, encoding: 'utf8' })
      expect(built.status, built.stdout + built.stderr).toBe(0)

      linkPackages(tree, isOfProduction)
      const [command = '', ...args] = execForm(named('CMD', last.instructions)[0]?.text ?? '')
      expect(command).toBe('node')
      const server = spawn(process.execPath, args, {
        cwd: tree,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...{ PATH: process.env.PATH, PARLEY_DATABASE_URL: database.url, PARLEY_MODE: 'production' },
          ...{ PARLEY_DATA_DIR: join(tree, 'data'), PARLEY_HOST: '127.0.0.1', PARLEY_RTC_WORKERS: '1' },
          ...{ PARLEY_PORT: '0', PARLEY_CONTENT_PORT: '0', PARLEY_MEDIA_PORT: '0' },
        },
      })
      let output = ''
      const ended = new Promise<number | null>((resolve) => server.once('close', resolve))
      const port = new Promise<string>((resolve) => {
        const take = (chunk: Buffer) => {
          output += chunk.toString()
          const found = /Parley is ready\s+http:\/\/\S+:(\d+)/.exec(output)?.[1]
          if (found !== undefined) resolve(found)
        }
        server.stdout.on('data', take)
        server.stderr.on('data', take)
        void ended.then(() => resolve(''))
      })
      try {
        expect(await port, output).not.toBe('')
        const [, ...check] = execForm(named('HEALTHCHECK', last.instructions)[0]?.text ?? '')
        const healthy = async (PARLEY_PORT: string) => {
          const child = spawn(process.execPath, check, { cwd: tree, env: { PARLEY_PORT } })
          let said = ''
          child.stderr.on('data', (chunk: Buffer) => {
            said += chunk.toString()
          })
          const status = await new Promise<number | null>((resolve) => child.once('close', resolve))
          return { status, said }
        }
        // A busy machine may miss the time of one check; the engine forgives as many as HEALTHCHECK says.
        const { retries } = named('HEALTHCHECK', last.instructions)[0]?.flags ?? {}
        let health = await healthy(await port)
        for (let nth = 1; nth < Number(retries) && health.status !== 0; nth++)
          health = await healthy(await port)
        expect(health).toEqual({ status: 0, said: '' })
        expect(await healthy('9')).toMatchObject({ status: 1, said: expect.stringContaining('127.0.0.1:9') })
        server.kill('SIGTERM')
        expect(await ended).toBe(0)
      } finally {
        server.kill('SIGKILL')
        await ended
      }
      const help = spawnSync(process.execPath, ['apps/cli/bin/parley.js', '--help'], {
        cwd: tree,
        encoding: 'utf8',
      })
      expect(help.stdout).toContain('parley backup')
    }, 240_000)
  })
})

const leftOut = new Set(['node_modules', 'dist', 'build', '.cache', '.parley'])

/** As COPY does with the ignore file, but for what a build takes over when it is there: native code and pages. */
function copyInto(tree: string, copies: readonly Instruction[]): void {
  for (const { text } of copies) {
    const words = text.split(' ')
    const to = words.pop() ?? ''
    for (const source of words) {
      const target = to === './' ? join(tree, basename(source)) : join(tree, to)
      cpSync(join(root, source), target, {
        recursive: true,
        filter: (path) => !leftOut.has(basename(path)) || isKept(path),
      })
    }
  }
}

const kept = ['native/fastpath/build', ...['demo', 'console'].map((page) => `apps/${page}/dist`)]
const isKept = (path: string) => kept.some((folder) => path.startsWith(join(root, folder)))

/** Packages of this machine, those of the workspace from the copy. */
function linkPackages(tree: string, wanted: (name: string) => boolean): void {
  const modules = join(tree, 'node_modules')
  rmSync(modules, { recursive: true, force: true })
  mkdirSync(join(modules, '@parley'), { recursive: true })
  for (const name of packageNames()) {
    if (name.startsWith('@parley/') || name === 'parley' || !wanted(name)) continue
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  const { workspaces } = JSON.parse(readFileSync(join(tree, 'package.json'), 'utf8')) as {
    workspaces: string[]
  }
  for (const folder of workspaces.flatMap((pattern) => foldersOf(tree, pattern))) {
    if (!existsSync(join(folder, 'package.json'))) continue
    const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name: string }
    symlinkSync(folder, join(modules, name))
  }
  // Says that the packages of the lock file are there, so that none are fetched.
  const mark = join('node_modules', '.parley-lock')
  const lock = spawnSync('sha256sum', ['package-lock.json'], { cwd: tree, encoding: 'utf8' })
  writeFileSync(join(tree, mark), lock.stdout.split(' ')[0] ?? '')
}

function foldersOf(tree: string, pattern: string): string[] {
  const folder = join(tree, pattern.replace(/\/\*$/, ''))
  if (!pattern.endsWith('/*')) return [folder]
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []
}

function packageNames(): string[] {
  return readdirSync(join(root, 'node_modules')).flatMap((name) => {
    if (name.startsWith('.')) return []
    if (!name.startsWith('@')) return [name]
    return readdirSync(join(root, 'node_modules', name)).map((inner) => `${name}/${inner}`)
  })
}

const lockEntry = z.object({ dev: z.boolean().optional(), optional: z.boolean().optional() })
let lock: Record<string, z.infer<typeof lockEntry>> | undefined

function isOfProduction(name: string): boolean {
  lock ??= z
    .object({ packages: z.record(z.string(), lockEntry) })
    .parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))).packages
  const entry = lock[`node_modules/${name}`]
  return entry !== undefined && entry.dev !== true && entry.optional !== true
}

describe('compose.yaml', () => {
  const duration = z.string().regex(/^\d+(ms|s|m|h)$/)
  const service = z.strictObject({
    image: z.string(),
    build: z
      .strictObject({ context: z.string(), dockerfile: z.string(), args: z.record(z.string(), z.string()) })
      .optional(),
    restart: z.enum(['no', 'always', 'on-failure', 'unless-stopped']),
    depends_on: z.record(z.string(), z.strictObject({ condition: z.literal('service_healthy') })).optional(),
    env_file: z.array(z.string()).optional(),
    environment: z.record(z.string(), z.string()),
    volumes: z.array(z.string().regex(/^[a-z]+:\/[\w/]+$/)),
    ports: z.array(z.string()).optional(),
    shm_size: z.string().optional(),
    cap_drop: z.array(z.string()).optional(),
    security_opt: z.array(z.string()).optional(),
    ulimits: z.record(z.string(), z.number()).optional(),
    stop_grace_period: duration.optional(),
    healthcheck: z
      .strictObject({
        test: z.array(z.string()),
        ...{ interval: duration, timeout: duration, start_period: duration, retries: z.number() },
      })
      .optional(),
  })
  const file = z.strictObject({
    name: z.string(),
    services: z.record(z.string(), service),
    volumes: z.record(z.string(), z.null()),
  })
  const compose = file.parse(parse(read('compose.yaml')))

  test('services depend on services that tell their health, and use volumes and files that are there', () => {
    for (const { depends_on = {}, volumes, build, env_file = [] } of Object.values(compose.services)) {
      for (const name of Object.keys(depends_on)) expect(compose.services[name]?.healthcheck).toBeDefined()
      for (const volume of volumes) expect(compose.volumes).toHaveProperty(volume.split(':')[0] ?? '')
      if (build !== undefined) expect(existsSync(join(here, build.context, build.dockerfile))).toBe(true)
      for (const name of env_file) expect(existsSync(join(here, `${name}.example`))).toBe(true)
    }
    const { database, server } = compose.services
    const password = database?.environment.POSTGRES_PASSWORD ?? ''
    expect(server?.environment.PARLEY_DATABASE_URL).toContain(`:${password}@database:5432/`)
    expect(server?.build?.args).toHaveProperty('FFMPEG')
  })

  test('every variable of Parley that deployment files name is a setting', () => {
    const texts = [
      read('compose.yaml').replaceAll(/\$\{\w+/g, ''),
      read('parley.env.example'),
      read('parley.service'),
    ]
    for (const [name] of texts.join('\n').matchAll(/\bPARLEY_\w+/g)) expect(settingNames).toContain(name)
    const workers = /PARLEY_RTC_WORKERS=(\d+)/.exec(read('parley.env.example'))?.[1]
    expect(compose.services.server?.ports).toContain(
      `7701-${7700 + Number(workers)}:7701-${7700 + Number(workers)}/udp`,
    )
  })

  const client = spawnSync('docker', ['compose', 'version'])
  test.runIf(client.status === 0)('is understood by docker compose', () => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-compose-'))
    cpSync(here, folder, { recursive: true })
    writeFileSync(join(folder, 'parley.env'), 'POSTGRES_PASSWORD=abc\n')
    const args = [
      'compose',
      '-f',
      join(folder, 'compose.yaml'),
      '--env-file',
      join(folder, 'parley.env'),
      'config',
      '-q',
    ]
    const { status, stderr } = spawnSync('docker', args, { encoding: 'utf8' })
    rmSync(folder, { recursive: true, force: true })
    expect(status, stderr).toBe(0)
  })
})

describe('parley.service', () => {
  const unit = read('parley.service')

  test('starts what the image starts, keeps its data where systemd says, and is hardened', () => {
    expect(unit).toContain('apps/server/dist/main.js')
    expect(unit).toMatch(/^StateDirectory=parley$/m)
    expect(unit).toContain('PARLEY_DATA_DIR=%S/parley')
    for (const line of ['NoNewPrivileges=yes', 'ProtectSystem=strict', 'CapabilityBoundingSet='])
      expect(unit.split('\n')).toContain(line)
    expect(unit).not.toMatch(/^MemoryDenyWriteExecute=yes/m)
    const documented = /^Documentation=file:\/\/\/opt\/parley\/(\S+)$/m.exec(unit)?.[1] ?? ''
    expect(existsSync(join(root, documented))).toBe(true)
  })

  const analyze = spawnSync('systemd-analyze', ['--version'])
  test.runIf(analyze.status === 0)('is understood by systemd, and exposes little', () => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-unit-'))
    const path = join(folder, 'parley.service')
    writeFileSync(path, unit.replace('/usr/bin/node', process.execPath))
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' })
    const complaints = (verified.stdout + verified.stderr)
      .split('\n')
      .filter((line) => line.includes('parley.service') && !line.includes('Failed to prepare filename'))
    const security = spawnSync(
      'systemd-analyze',
      ['security', '--offline=yes', '--threshold=25', '--no-pager', path],
      { encoding: 'utf8' },
    )
    rmSync(folder, { recursive: true, force: true })
    expect({ status: verified.status, complaints }).toEqual({ status: 0, complaints: [] })
    expect(security.status, security.stdout).toBe(0)
  })
})
