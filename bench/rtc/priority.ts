import { readdirSync } from 'node:fs'
import { setPriority } from 'node:os'

/** Nice value of what is measured and of what measures, so that other work on the machine disturbs less. */
const raised = -10

/** All threads of a process; without the right to do so it stays as it is. */
export function raisePriority(pid: number): void {
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), raised)
  } catch {
    // An ordinary user may not.
  }
}
