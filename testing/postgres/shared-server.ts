import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Closable, Scope, silentLogger } from '@parley/core/kernel'
import { startEmbeddedPostgres } from '@parley/core/store'

/** Where workers of a test run ask for the server; set by the global setup, inherited by the workers. */
export const sharedServerVariable = 'PARLEY_TEST_POSTGRES'

const parentFolder = join(tmpdir(), `parley-test-postgres-${process.getuid?.() ?? 0}`)

/**
 * One PostgreSQL for a whole test run, started when the first test asks for it. It trades durability for
 * speed. It ends with the process that made it; folders that aborted runs left are removed.
 */
export async function offerSharedServer(): Promise<Closable & { path: string }> {
  removeLeftovers()
  const folder = newFolder()
  const scope = new Scope('shared test postgres', silentLogger)
  let starting: Promise<string> | undefined
  const start = async () => {
    const server = await startEmbeddedPostgres({
      dataDir: folder,
      logger: silentLogger,
      scope,
      durability: 'scratch',
    })
    return server.url
  }
  const path = join(folder, 'ask')
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    starting ??= start()
    starting.then(
      (url) => socket.end(JSON.stringify({ url })),
      (error: unknown) => socket.end(JSON.stringify({ error: String(error) })),
    )
  })
  server.unref()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  return {
    path,
    close: async () => {
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await starting?.catch(() => undefined)
      await scope.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A folder named after the process that owns it, so that a later run sees whether it is still in use. */
export function newFolder(): string {
  mkdirSync(parentFolder, { recursive: true, mode: 0o700 })
  return mkdtempSync(join(parentFolder, `${process.pid}-`))
}

function removeLeftovers(): void {
  mkdirSync(parentFolder, { recursive: true, mode: 0o700 })
  for (const name of readdirSync(parentFolder)) {
    if (!isAlive(Number.parseInt(name, 10)))
      rmSync(join(parentFolder, name), { recursive: true, force: true, maxRetries: 3 })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Asks the process that offers the server; starts it there when it does not run yet. */
export function askForSharedServer(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(path)
    socket.on('data', (chunk) => {
      answer += chunk.toString('utf8')
    })
    socket.on('error', reject)
    socket.on('end', () => {
      const { url, error } = JSON.parse(answer) as { url?: string; error?: string }
      if (url === undefined) reject(new Error(`the test database does not start: ${error}`))
      else resolve(url)
    })
  })
}
