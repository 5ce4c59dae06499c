import type { DoorAddress } from './load/door.ts'

export type TargetName = 'parley' | 'janus'

/** A running server whose media process has one core for itself. */
export interface SfuTarget {
  readonly name: TargetName
  /** The process that forwards. */
  readonly mediaPid: number
  /** Processes that decide and keep, where they are others. */
  readonly controlPids: number[]
  /** For a generator process; the audience keeps the users of one apart from those of others. */
  door(audience: string): DoorAddress
  close(): Promise<void>
}
