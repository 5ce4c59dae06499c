import { type ChildProcess, spawn } from 'node:child_process'
import { type Account, commandAs } from './account.ts'
import type { ServerLog } from './server-log.ts'

/**
 * The server outlives a SIGKILL of our whole process group, as its backends call setsid. This shell, in a
 * session of its own, reads signal names from our pipe and passes them on; when the pipe ends because we do,
 * it shuts the server down fast, and after ten seconds at once.
 */
const watchdog = `
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
(
  trap '' INT TERM HUP QUIT
  while read -r signal <&3; do kill -s "$signal" $server 2>/dev/null; done
  kill -s INT $server 2>/dev/null
  waited=0
  while kill -s 0 $server 2>/dev/null; do
    sleep 0.1
    waited=$((waited + 1))
    if [ $waited -eq 100 ]; then kill -s QUIT $server 2>/dev/null; fi
  done
) &
watch=$!
exec 3<&-
trap '' INT TERM HUP QUIT
wait $server
code=$?
kill -s KILL $watch 2>/dev/null
exit $code
`

export interface ServerProcessOptions {
  account: Account
  postgres: string
  args: readonly string[]
  log: ServerLog
}

/** One run of the postmaster under its watchdog. */
export class ServerProcess {
  readonly #child: ChildProcess
  /** Resolves when the server has ended, with its exit code. Never rejects. */
  readonly ended: Promise<number | null>
  #running = true

  constructor(options: ServerProcessOptions) {
    const { file, args, uid, gid } = commandAs(options.account, '/bin/sh', [
      '-c',
      watchdog,
      'parley-postgres',
      options.postgres,
      ...options.args,
    ])
    this.#child = spawn(file, args, {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      ...(uid !== undefined && { uid }),
      ...(gid !== undefined && { gid }),
    })
    const note = (chunk: Buffer) => options.log.append(chunk.toString('utf8'))
    this.#child.stdout?.on('data', note)
    this.#child.stderr?.on('data', note)
    this.#child.stdin?.on('error', () => undefined)
    this.ended = new Promise((resolve) => {
      const finish = (code: number | null) => {
        this.#running = false
        resolve(code)
      }
      this.#child.once('error', (error) => {
        options.log.append(`${error.message}\n`)
        finish(null)
      })
      this.#child.once('close', finish)
    })
  }

  get running(): boolean {
    return this.#running
  }

  /** Fast shutdown; at once after `patienceMs`. Resolves when the server has ended. */
  async stop(patienceMs = 20_000): Promise<void> {
    this.#signal('INT')
    if (await this.#endsWithin(patienceMs)) return
    this.#signal('QUIT')
    if (await this.#endsWithin(5_000)) return
    this.#signal('KILL')
    await this.ended
  }

  #signal(name: 'INT' | 'QUIT' | 'KILL'): void {
    if (this.#running) this.#child.stdin?.write(`${name}\n`)
  }

  async #endsWithin(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, ms, false)
    })
    const inTime = await Promise.race([this.ended.then(() => true), late])
    clearTimeout(timer)
    return inTime
  }
}
