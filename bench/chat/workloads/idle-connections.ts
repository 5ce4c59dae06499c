import { setTimeout as sleep } from 'node:timers/promises'
import { closeAll, connectAll, names } from '../load/connect-all.ts'
import { MessageLog, Stage } from '../load/message-log.ts'
import { usageOf } from '../machine/processes.ts'
import { ParleyTarget } from '../parley/parley-target.ts'
import type { Workload, WorkloadContext } from '../workload.ts'
import { figure } from './durable-sends.ts'

/** Memory of connections that say nothing, on a server just started. */
export const idleConnections: Workload = {
  name: 'idle',
  targets: ['parley', 'ejabberd'],
  quickWithoutPeer: true,
  run: async (context) => {
    const { target, quick } = context
    const connections = quick ? 3_000 : 10_000
    const userIds = names('idle', connections)
    await target.ensureUsers(userIds)
    await target.restart()
    const stage = new Stage(new MessageLog({ receivers: 0 }))
    // What the first connections make a server load and allocate is not memory of a connection.
    const warm = await connectAll(
      target,
      names('idle', 200).map((userId) => ({ userId, events: stage })),
    )
    closeAll(warm)
    const before = await settledMemory(context)
    const begun = performance.now()
    const clients = await connectAll(
      target,
      userIds.map((userId) => ({ userId, events: stage })),
    )
    const seconds = (performance.now() - begun) / 1000
    const after = await settledMemory(context)
    if (stage.lostUsers > 0) context.note(`${stage.lostUsers} connections were lost`)
    closeAll(clients)
    const server = (after.get('server') ?? 0) - (before.get('server') ?? 0)
    const database = (after.get('database') ?? 0) - (before.get('database') ?? 0)
    if (after.has('database')) context.note(`PostgreSQL grew by ${Math.round(database / 1024)} KiB in all`)
    return [
      figure(
        'idle-memory',
        `memory of an idle connection (RSS, ${connections} of them)`,
        'KiB',
        server / connections / 1024,
        'less',
        10,
      ),
      figure('logins', 'connect and authenticate', 'logins/s', connections / seconds, 'more'),
    ]
  },
}

async function settledMemory({ target, quick }: WorkloadContext): Promise<Map<string, number>> {
  await sleep(quick ? 1_500 : 3_000)
  if (target instanceof ParleyTarget) {
    const profiler = await target.profiler()
    await profiler.collectGarbage()
    await profiler.collectGarbage()
    profiler.close()
    await sleep(500)
  }
  return new Map(usageOf(await target.processes()).map(({ part, memoryBytes }) => [part, memoryBytes]))
}
