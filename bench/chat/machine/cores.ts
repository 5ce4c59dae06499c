import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** Who may run where, as lists that `taskset` reads. */
export interface CoreLayout {
  server: string
  generator: string
}

/** Half of the cores for the server with its database, the other half for the generator. */
export function defaultLayout(): CoreLayout {
  const cores = availableParallelism()
  if (cores < 2) return { server: '0', generator: '0' }
  const serverCores = Math.min(2, Math.floor(cores / 2))
  const server = serverCores === 1 ? '0' : '0,1'
  const generator = serverCores === 1 ? '1' : '2,3'
  return { server, generator }
}

/** Moves a process with all its threads. What it starts later inherits the place. */
export function pin(pid: number, cores: string): void {
  const { status, stderr, error } = spawnSync('taskset', ['-acp', cores, String(pid)], { encoding: 'utf8' })
  if (error !== undefined || status !== 0) {
    throw new Error(`taskset -acp ${cores} ${pid} failed (package util-linux): ${error?.message ?? stderr}`)
  }
}

/** Runs `start` so that the processes it makes are on the server's cores, and returns to the generator's. */
export async function startedOn<Started>(
  layout: CoreLayout,
  start: () => Promise<Started>,
): Promise<Started> {
  pin(process.pid, layout.server)
  try {
    return await start()
  } finally {
    pin(process.pid, layout.generator)
  }
}
