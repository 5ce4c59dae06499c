import type { NativeEvent, WorkerOptions } from '@parley/fastpath'

/** What the server tells a media worker process. `commands` are calls of the packet path, in order. */
export type ToWorker =
  | { type: 'start'; addonPath: string; options: WorkerOptions }
  | { type: 'commands'; commands: Command[] }

export type Command = [name: string, ...values: unknown[]]

/** What a media worker process tells the server. */
export type FromWorker =
  | { type: 'started'; port: number; fingerprint: string }
  | { type: 'failed'; reason: string }
  | { type: 'events'; events: NativeEvent[] }
