import { randomInt } from 'node:crypto'
import { createRequire } from 'node:module'
import type { NativeAddon, NativeWorker, TransportOptions } from '@parley/fastpath'
import { DataControl } from './data-control.ts'
import type { DataOptions, FromWorker, ToWorker } from './messages.ts'
import { PathControl } from './path-control.ts'
import { ServerChannel } from './server-channel.ts'

/**
 * A media worker process: one packet thread and the way to it. How much each subscriber's path carries is found out
 * here, and data channels are kept, as each packet counts for both; all else is decided by the server. It ends with the
 * server, whose going closes the channel. The packet thread gives its signs of life by itself.
 */
let worker: NativeWorker | undefined
let paths: PathControl | undefined
let data: DataControl | undefined
const pathTickMs = 50
/** Nothing is decided of it before the next tick; collected, many paths cost one wake-up. */
const reportHoldMs = 10

const server = new ServerChannel((message, left) => {
  if (!process.connected || process.send === undefined) return true
  return process.send(message, undefined, undefined, left)
})
const tell = (message: FromWorker): void => server.tell(message)

process.on('message', (message: ToWorker) => {
  if (message.type === 'start') start(message)
  else if (message.type === 'ping') tell({ type: 'pong' })
  else for (const [name, ...values] of message.commands) run(name, values)
})
process.on('disconnect', () => process.exit(0))
// The server gets the signals of the terminal too, drains, and closes the channel when it is done.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)

function start({ addonPath, options }: Extract<ToWorker, { type: 'start' }>): void {
  try {
    const addon = createRequire(import.meta.url)(addonPath) as NativeAddon
    const native = addon.createWorker({ ...options, reportHoldMs }, (events) => {
      const rest = events.filter((event) => !paths?.handleEvent(event) && !data?.handleEvent(event))
      server.tellEvents(rest)
    })
    worker = native
    paths = new PathControl(native, (facts) => server.tellPaths(facts))
    data = new DataControl({
      native,
      tell: (news) => tell({ type: 'data', news }),
      nowMs: () => performance.now(),
      random: () => randomInt(2 ** 32),
    })
    // The clock of the packet thread is the monotonic one, too.
    setInterval(() => paths?.tick(Number(process.hrtime.bigint() / 1_000n)), pathTickMs)
    tell({ type: 'started', port: worker.port, fingerprint: worker.fingerprint })
  } catch (error) {
    tell({ type: 'failed', reason: error instanceof Error ? error.message : String(error) })
  }
}

function run(name: string, values: unknown[]): void {
  if (name === 'setWanted') {
    paths?.setWanted(Number(values[0]), Number(values[1]))
    return
  }
  if (name === 'openData') {
    data?.open(Number(values[0]), values[1] as DataOptions)
    return
  }
  if (name === 'sendRoomData') {
    data?.send(values[0] as number[], values[1] === true, values[2] as Uint8Array)
    return
  }
  if (name === 'createTransport' && (values[1] as TransportOptions).reportSent === true) {
    paths?.add(Number(values[0]))
  }
  if (name === 'closeTransport') {
    paths?.remove(Number(values[0]))
    data?.remove(Number(values[0]))
  }
  const command = worker?.[name as keyof NativeWorker]
  if (typeof command === 'function') Reflect.apply(command, worker, values)
}
