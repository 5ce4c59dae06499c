import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Why there is no TURN server to test with, or the empty string. Says it loudly: what is skipped is not proven. */
export function missingForTurn(): string {
  if (spawnSync('turnserver', ['--version']).error === undefined) return ''
  const reason = 'coturn is not installed; apt-get install coturn'
  process.stderr.write(`SKIPPED: tests against a real TURN server: ${reason}\n`)
  return reason
}

/** Debian's coturn on loopback, with the shared secret of its REST way. The caller closes it. */
export class Coturn {
  readonly port: number
  readonly #child: ChildProcess
  readonly #folder: string
  #log = ''

  private constructor(port: number, child: ChildProcess, folder: string) {
    this.port = port
    this.#child = child
    this.#folder = folder
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#log += chunk.toString()
      })
    }
  }

  static async start(secret: string): Promise<Coturn> {
    const folder = mkdtempSync(join(tmpdir(), 'parley-coturn-'))
    const port = await freePort()
    const options = [
      ...['-n', '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${port}`],
      ...['--use-auth-secret', `--static-auth-secret=${secret}`, '--realm=parley.test', '--fingerprint'],
      ...['--no-tls', '--no-dtls', '--no-cli', '--allow-loopback-peers', '--verbose'],
      ...[`--pidfile=${join(folder, 'pid')}`, `--userdb=${join(folder, 'users')}`, '--log-file=stdout'],
    ]
    const child = spawn('turnserver', options, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    const server = new Coturn(port, child, folder)
    try {
      await server.#listening()
    } catch (error) {
      await server.close()
      throw error
    }
    return server
  }

  /** What it told so far. */
  get log(): string {
    return this.#log
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = new Promise((resolve) => this.#child.once('exit', resolve))
      this.#child.kill('SIGKILL')
      await exited
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Resolves when a binding request is answered. */
  async #listening(): Promise<void> {
    const socket = createSocket('udp4')
    const request = Buffer.from('000100002112a442000102030405060708090a0b', 'hex')
    const answered = new Promise<void>((resolve) => socket.once('message', () => resolve()))
    const ask = setInterval(() => socket.send(request, this.port, '127.0.0.1'), 50)
    let timer: NodeJS.Timeout | undefined
    const failed = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`coturn does not answer: ${this.#log}`)), 10_000)
    })
    try {
      await Promise.race([answered, failed])
    } finally {
      clearInterval(ask)
      clearTimeout(timer)
      socket.close()
    }
  }
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(resolve))
  return port
}
