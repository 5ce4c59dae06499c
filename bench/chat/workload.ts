import type { PhaseResult } from './load/phase.ts'
import type { ChatTarget } from './load/target.ts'

/** One line of the table. */
export interface Figure {
  /** Joins the figures of both servers. */
  key: string
  label: string
  unit: string
  value: number
  better: 'more' | 'less'
  /** What reference/im.md asks. */
  goal?: number
}

export interface WorkloadContext {
  target: ChatTarget
  quick: boolean
  /** Connections of the reconnect storm. */
  stormClients: number
  /** Messages in the log of the restart. */
  restartMessages: number
  note(text: string): void
  /** Tells how a phase went, and remembers it. */
  phase(label: string, result: PhaseResult): void
  /** Runs the work under the profiler of the server when that was asked for. */
  profiled<Result>(label: string, work: () => Promise<Result>): Promise<Result>
}

export interface Workload {
  name: string
  /** Servers it can run against. */
  targets: readonly ChatTarget['name'][]
  /** With `--quick` the peer is left out. */
  quickWithoutPeer?: boolean
  run(context: WorkloadContext): Promise<Figure[]>
}
