import { type ChildProcess, fork } from 'node:child_process'
import type { Readable } from 'node:stream'
import {
  Host,
  type NativeCommands,
  type NativeEvent,
  type Transport,
  type WorkerOptions,
  type WorkerStats,
} from '@parley/fastpath'
import { LifeSigns } from './life-signs.ts'
import type { Command, DataNews, DataOptions, FromWorker, PathFacts, ToWorker } from './messages.ts'

export interface MediaWorkerOptions {
  /** Its place in the pool. */
  index: number
  /** The bundled `main.ts`. */
  entry: string
  addonPath: string
  worker: WorkerOptions
  /** A packet thread that gives no sign of life for so long hangs, and its process is killed. */
  silenceMs: number
  /** The same for its JavaScript thread, without which media flows on. */
  scriptSilenceMs: number
}

const startWithinMs = 10_000
/** The place of its pulse among the descriptors of the process, behind the channel. */
const pulseFd = 4

/**
 * A media worker process as the server sees it: the objects of the packet path, whose commands travel over the channel
 * in batches. When the process ends, all its transports emit `closed` with `worker-closed`, then the worker itself.
 */
export class MediaWorker extends Host {
  readonly index: number
  readonly addresses: readonly string[]
  readonly native: NativeCommands
  readonly port: number
  readonly pid: number | undefined
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  readonly #stats = new Map<
    number,
    { resolve: (stats: WorkerStats) => void; reject: (error: Error) => void }
  >()
  readonly #pathListeners = new Map<number, (facts: PathFacts) => void>()
  readonly #life: LifeSigns
  #silent: 'packets' | 'script' | undefined
  #places = 0
  readonly #dataListeners = new Map<number, (news: DataNews) => void>()
  #commands: Command[] = []
  #lastRequest = 0
  #gone = false

  private constructor(
    options: MediaWorkerOptions,
    child: ChildProcess,
    started: Extract<FromWorker, { type: 'started' }>,
  ) {
    super()
    this.index = options.index
    this.addresses = options.worker.addresses
    this.port = started.port
    this.pid = child.pid
    this.#child = child
    this.native = this.#commandSender(started.fingerprint)
    // Rooms and connections of a busy worker listen; their number is no leak.
    this.setMaxListeners(0)
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => {
        this.#end()
        resolve()
      })
    })
    child.on('message', (message: FromWorker) => {
      this.#life.hearScript()
      if (message.type === 'events') this.dispatch(message.events)
      else if (message.type === 'paths') {
        for (const facts of message.facts) this.#pathListeners.get(facts.transport)?.(facts)
      } else if (message.type === 'data') {
        for (const news of message.news) this.#dataListeners.get(news.transport)?.(news)
      }
    })
    this.#life = new LifeSigns({
      pulse: child.stdio[pulseFd] as Readable,
      ping: () => {
        if (child.connected) child.send({ type: 'ping' } satisfies ToWorker, () => undefined)
      },
      ...{ silenceMs: options.silenceMs, scriptSilenceMs: options.scriptSilenceMs },
      onSilent: (thread) => {
        this.#silent = thread
        child.kill('SIGKILL')
      },
    })
  }

  /** Starts the process and waits for its sockets. @throws Error when it ends before or cannot bind. */
  static async start(options: MediaWorkerOptions): Promise<MediaWorker> {
    const child = fork(options.entry, [], {
      serialization: 'advanced',
      // Neither the settings nor the secrets of the server are its business.
      env: {},
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
    })
    child.on('error', () => undefined)
    const start: ToWorker = {
      type: 'start',
      addonPath: options.addonPath,
      options: { ...options.worker, pulseFd },
    }
    child.send(start, () => undefined)
    try {
      return new MediaWorker(options, child, await firstAnswer(child))
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
  }

  get running(): boolean {
    return !this.#gone
  }

  /** How much it carries, for choosing the least loaded: participants, and what they send and get. */
  get load(): number {
    return this.#places + this.tracks.size + this.streams.size
  }

  /** Share of the last second in which its packet thread had something to do, 0 to 1. At 1 it is full. */
  get busy(): number {
    return this.#life.busy
  }

  /** Its JavaScript thread does not keep up, so that whoever is placed here waits. */
  get late(): boolean {
    return this.#life.late
  }

  /** The thread whose silence ended it, if that was why. */
  get silent(): 'packets' | 'script' | undefined {
    return this.#silent
  }

  /** A participant was placed here, whose media is about to come; answers how to take that back, once. */
  reserve(): () => void {
    this.#places += 1
    let held = true
    return () => {
      if (held) this.#places -= 1
      held = false
    }
  }

  /** A snapshot of all counters. Rejects when the process ends before. */
  stats(): Promise<WorkerStats> {
    if (this.#gone) return Promise.reject(new Error('the media worker ended'))
    this.#lastRequest += 1
    const request = this.#lastRequest
    return new Promise((resolve, reject) => {
      this.#stats.set(request, { resolve, reject })
      this.#queue(['requestStats', request])
    })
  }

  /** Tells how the way to a peer is, for as long as its transport lives: at least each second while feedback comes. */
  watchPath(transport: Transport, listener: (facts: PathFacts) => void): void {
    this.#pathListeners.set(transport.id, listener)
    transport.once('closed', () => this.#pathListeners.delete(transport.id))
  }

  /** Bits a second that all that could be sent to a peer would take: its path is tried out up to about that. */
  setWanted(transport: Transport, bitrate: number): void {
    if (!transport.closed) this.#queue(['setWanted', transport.id, Math.round(bitrate)])
  }

  /** Keeps data channels on a connection whose peer agreed to them, for as long as it lives. */
  openData(transport: Transport, options: DataOptions, listener: (news: DataNews) => void): void {
    if (transport.closed) return
    if (!this.#dataListeners.has(transport.id)) {
      transport.once('closed', () => this.#dataListeners.delete(transport.id))
    }
    this.#dataListeners.set(transport.id, listener)
    this.#queue(['openData', transport.id, options])
  }

  /** Sends one message over the data channels of many. */
  sendRoomData(transports: readonly Transport[], reliable: boolean, frame: Uint8Array): void {
    const ids = transports.filter(({ closed }) => !closed).map(({ id }) => id)
    if (ids.length > 0) this.#queue(['sendRoomData', ids, reliable, frame])
  }

  /** Ends the process; resolves when it is gone. */
  async close(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 2_000)
    await this.#exited
    clearTimeout(timer)
  }

  protected override handleOwn(event: NativeEvent): void {
    if (event.type === 'stats') {
      this.#stats.get(event.request as number)?.resolve(event.stats as WorkerStats)
      this.#stats.delete(event.request as number)
    } else super.handleOwn(event)
  }

  /** Every method of the packet path's commands, turned into a message. */
  #commandSender(fingerprint: string): NativeCommands {
    return new Proxy({ fingerprint } as NativeCommands, {
      get: (target, name) => {
        if (name === 'fingerprint') return target.fingerprint
        return (...values: unknown[]) => this.#queue([String(name), ...values])
      },
    })
  }

  #queue(command: Command): void {
    if (this.#gone) return
    if (this.#commands.length === 0) queueMicrotask(() => this.#flush())
    this.#commands.push(command)
  }

  #flush(): void {
    const commands = this.#commands
    this.#commands = []
    if (this.#gone || !this.#child.connected) return
    const message: ToWorker = { type: 'commands', commands }
    // A failed send means that the process is going; its exit tells.
    this.#child.send(message, () => undefined)
  }

  #end(): void {
    this.#gone = true
    this.#life.close()
    for (const { reject } of this.#stats.values()) reject(new Error('the media worker ended'))
    this.#stats.clear()
    this.finishAll()
    this.emit('closed')
    this.removeAllListeners()
  }
}

function firstAnswer(child: ChildProcess): Promise<Extract<FromWorker, { type: 'started' }>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => finish(new Error('the media worker did not start in time')), startWithinMs)
    const onExit = (code: number | null): void => finish(new Error(`the media worker ended with ${code}`))
    const onError = (error: Error): void => finish(error)
    const onMessage = (message: FromWorker): void => {
      if (message.type === 'started') finish(message)
      else
        finish(new Error(message.type === 'failed' ? message.reason : 'the media worker spoke out of turn'))
    }
    const finish = (outcome: Error | Extract<FromWorker, { type: 'started' }>): void => {
      clearTimeout(timer)
      child.off('exit', onExit).off('error', onError).off('message', onMessage)
      if (outcome instanceof Error) reject(outcome)
      else resolve(outcome)
    }
    child.once('exit', onExit).once('error', onError).once('message', onMessage)
  })
}
