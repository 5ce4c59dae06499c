import { createRequire } from 'node:module'
import type { NativeAddon, NativeWorker } from '@parley/fastpath'
import type { FromWorker, ToWorker } from './messages.ts'

/**
 * A media worker process: one packet thread and the way to it. It decides nothing. It ends with its server, whose
 * going closes the channel.
 */
let worker: NativeWorker | undefined

const tell = (message: FromWorker): void => {
  if (process.connected) process.send?.(message)
}

process.on('message', (message: ToWorker) => {
  if (message.type === 'start') start(message)
  else for (const [name, ...values] of message.commands) run(name, values)
})
process.on('disconnect', () => process.exit(0))
// The server gets the signals of the terminal too, drains, and closes the channel when it is done.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)

function start({ addonPath, options }: Extract<ToWorker, { type: 'start' }>): void {
  try {
    const addon = createRequire(import.meta.url)(addonPath) as NativeAddon
    worker = addon.createWorker(options, (events) => tell({ type: 'events', events }))
    tell({ type: 'started', port: worker.port, fingerprint: worker.fingerprint })
  } catch (error) {
    tell({ type: 'failed', reason: error instanceof Error ? error.message : String(error) })
  }
}

function run(name: string, values: unknown[]): void {
  const command = worker?.[name as keyof NativeWorker]
  if (typeof command === 'function') Reflect.apply(command, worker, values)
}
