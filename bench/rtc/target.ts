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

/** A server for the length of `work`, also when this process is told to end. */
export async function withTarget<Target extends SfuTarget, Figures>(
  start: Promise<Target>,
  work: (target: Target) => Promise<Figures>,
): Promise<Figures> {
  const target = await start
  const end = (): void => {
    void target.close().finally(() => process.exit(130))
  }
  process.once('SIGINT', end)
  process.once('SIGTERM', end)
  try {
    return await work(target)
  } finally {
    process.off('SIGINT', end)
    process.off('SIGTERM', end)
    await target.close()
  }
}
