import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { eachOf } from '../load/connect-all.ts'
import type { CatchUpPlace, CaughtUp, ChatTarget, ConnectOptions } from '../load/target.ts'
import { type CoreLayout, startedOn } from '../machine/cores.ts'
import { familyOf, type ProcessGroup } from '../machine/processes.ts'
import { freePort } from '../machine/profiler.ts'
import { type EjabberdPorts, ejabberdConfig } from './ejabberd-config.ts'
import { XmppClient } from './xmpp-client.ts'

const erlang = '/usr/bin/erl'
/** Where Debian keeps the Erlang libraries of its packages. */
const libraries = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu']
const password = 'load'
const archivedMeaning =
  '1:1: XEP-0198 ack, the session has taken the message and written the sender’s archive copy to Mnesia (dirty ' +
  'write, no fsync); groups: the message came back from the room, which archived it the same way'
const relayedMeaning =
  '1:1: XEP-0198 ack, the session has taken the message; groups: the message came back from the room. Nothing is stored'
const startWithinMs = 30_000

export const ejabberdInstalled = (): boolean => existsSync('/usr/sbin/ejabberdctl') && existsSync(erlang)

/**
 * Debian's ejabberd with its message archive on its default database (Mnesia, `disc_only_copies`), as a node without
 * distribution: nothing listens but the two ports, on loopback.
 */
export class EjabberdTarget implements ChatTarget {
  readonly name = 'ejabberd'
  readonly ackMeaning: string
  readonly #layout: CoreLayout
  readonly #archive: boolean
  readonly #folder = mkdtempSync(join(tmpdir(), 'parley-bench-ejabberd-'))
  readonly #users = new Set<string>()
  #child: ChildProcess | undefined
  #ports: EjabberdPorts = { xmpp: 0, http: 0 }

  private constructor(layout: CoreLayout, archive: boolean) {
    this.#layout = layout
    this.#archive = archive
    this.ackMeaning = archive ? archivedMeaning : relayedMeaning
  }

  static async start(layout: CoreLayout, archive: boolean): Promise<EjabberdTarget> {
    const target = new EjabberdTarget(layout, archive)
    try {
      await target.#start()
    } catch (error) {
      await target.close()
      throw error
    }
    return target
  }

  async processes(): Promise<ProcessGroup[]> {
    const pid = this.#child?.pid
    const family = pid === undefined ? [] : familyOf(pid)
    return [{ part: 'server', pids: family.slice(0, 1) }]
  }

  async ensureUsers(userIds: readonly string[]): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 16 })
    const fresh = userIds.filter((userId) => !this.#users.has(userId))
    await eachOf(fresh, 16, async (userId) => {
      await post(agent, this.#ports.http, '/api/register', { user: userId, host: 'localhost', password })
      this.#users.add(userId)
    })
    agent.destroy()
  }

  /** A room is its occupants: it comes into being when the first one joins. */
  async makeGroup(): Promise<void> {}

  connect({ userId, events, groupIds = [] }: ConnectOptions): Promise<XmppClient> {
    return XmppClient.connect({ port: this.#ports.xmpp, userId, password, events, roomIds: groupIds })
  }

  async markPlace(_client: XmppClient, peerId: string): Promise<CatchUpPlace> {
    return { start: new Date().toISOString(), peerId }
  }

  async catchUp(client: XmppClient, place: CatchUpPlace): Promise<CaughtUp> {
    const { start, peerId } = place as { start: string; peerId: string }
    return { messages: await client.archiveSince(start, peerId) }
  }

  async restart(): Promise<number> {
    await this.#stop()
    return this.#start()
  }

  async close(): Promise<void> {
    await this.#stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #start(): Promise<number> {
    this.#ports = { xmpp: await freePort(), http: await freePort() }
    const config = join(this.#folder, 'ejabberd.yml')
    writeFileSync(config, ejabberdConfig(this.#ports, this.#archive))
    const begun = performance.now()
    await startedOn(this.#layout, async () => {
      this.#child = spawn(erlang, this.#argumentsFor(config), {
        cwd: this.#folder,
        stdio: 'ignore',
        env: {
          ...process.env,
          HOME: this.#folder,
          ERL_LIBS: libraries.filter(existsSync).join(':'),
          ERL_MAX_PORTS: '64000',
          ERL_CRASH_DUMP: join(this.#folder, 'crash.dump'),
        },
      })
      await this.#ready(performance.now() + startWithinMs)
    })
    return performance.now() - begun
  }

  #argumentsFor(config: string): string[] {
    const quoted = (path: string): string => `"${path}"`
    return [
      ...['+K', 'true', '+P', '250000', '-noinput'],
      ...['-mnesia', 'dir', quoted(join(this.#folder, 'database'))],
      ...['-ejabberd', 'config', quoted(config), 'log_path', quoted(join(this.#folder, 'ejabberd.log'))],
      ...['-s', 'ejabberd'],
    ]
  }

  async #ready(deadline: number): Promise<void> {
    for (;;) {
      try {
        const probe = await XmppClient.connect({
          port: this.#ports.xmpp,
          userId: 'nobody',
          password: '',
          events: { acked: none, rejected: none, delivered: none, lost: none },
          roomIds: [],
        })
        probe.close()
        return
      } catch (error) {
        // A refused login is an answer: the server is there.
        if (error instanceof Error && error.message.includes('not-authorized')) return
        if (this.#child?.exitCode !== null || performance.now() > deadline) {
          throw new Error(`ejabberd did not start: ${this.#log()}`, { cause: error })
        }
        await sleep(100)
      }
    }
  }

  #log(): string {
    try {
      return readFileSync(join(this.#folder, 'ejabberd.log'), 'utf8').slice(-2_000)
    } catch {
      return 'no log'
    }
  }

  async #stop(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(timer)
  }
}

const none = (): void => undefined

function post(agent: Agent, port: number, path: string, body: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request({ agent, host: '127.0.0.1', port, path, method: 'POST' }, (response) => {
      response.resume()
      response.on('end', () => {
        if (response.statusCode === 200 || response.statusCode === 409) resolve()
        else reject(new Error(`${path} answered ${response.statusCode}`))
      })
    })
    call.on('error', reject)
    call.end(JSON.stringify(body))
  })
}
