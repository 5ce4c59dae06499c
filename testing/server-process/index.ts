import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** As `npm start` runs it: a young generation that fits bursts halves the time of garbage collection. */
const serverFlags = ['--max-semi-space-size=64']

export interface ServerProcessOptions {
  dataDir: string
  /** Root of the repository; the working directory by default. */
  root?: string
  env?: Record<string, string>
  readyWithinMs?: number
}

export interface ServerProcess {
  url: string
  contentUrl: string
  pid: number
  /** What dev.json says. */
  key: { projectId: string; keyId: string; keySecret: string }
  /** SIGKILL to the whole process group, as a machine that goes down would look to its clients. */
  kill(): Promise<void>
  /** SIGTERM, and how it ended. */
  stop(): Promise<number | null>
}

/**
 * Starts the built server as its own process group and waits until it says that it is ready. `PARLEY_SERVER_PROGRAM`
 * names another build.
 */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const { dataDir, root = process.cwd(), env = {}, readyWithinMs = 60_000 } = options
  const program = process.env.PARLEY_SERVER_PROGRAM ?? join(root, 'apps/server/dist/main.js')
  if (!existsSync(program)) throw new Error('the server is not built: npm run build')
  const child = spawn(process.execPath, [...serverFlags, program], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PARLEY_DATA_DIR: dataDir,
      PARLEY_PORT: '0',
      PARLEY_CONTENT_PORT: '0',
      PARLEY_MEDIA_PORT: '0',
      PARLEY_HOST: '127.0.0.1',
      ...env,
    },
  })
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const output = await readUntilReady(child, readyWithinMs)
  const url = /Parley is ready\s+(\S+)/.exec(output)?.[1] ?? ''
  const contentUrl = /Content origin\s+(\S+)/.exec(output)?.[1] ?? ''
  const pid = child.pid ?? 0
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(-pid, name)
    } catch {
      // The group is gone already.
    }
  }
  return {
    url,
    contentUrl,
    pid,
    key: JSON.parse(readFileSync(join(dataDir, 'dev.json'), 'utf8')) as ServerProcess['key'],
    kill: async () => {
      signal('SIGKILL')
      await exited
    },
    stop: () => {
      child.kill('SIGTERM')
      return exited
    },
  }
}

function readUntilReady(child: ChildProcess, withinMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = ''
    const timer = setTimeout(() => fail(`the server was not ready within ${withinMs} ms`), withinMs)
    const fail = (why: string): void => {
      clearTimeout(timer)
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
      reject(new Error(`${why}\n${output}`))
    }
    const endedEarly = (code: number | null): void =>
      fail(`the server ended with ${code} before it was ready`)
    child.once('exit', endedEarly)
    child.once('error', (error) => fail(error.message))
    child.stderr?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (!/Data\s+\S+\n/.test(output)) return
      clearTimeout(timer)
      child.off('exit', endedEarly)
      resolve(output)
    })
  })
}
