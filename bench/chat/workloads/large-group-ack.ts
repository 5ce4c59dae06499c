import { closeAll, connectAll, names, turn } from '../load/connect-all.ts'
import { MessageLog, Stage } from '../load/message-log.ts'
import { runPhase } from '../load/phase.ts'
import type { Workload } from '../workload.ts'
import { figure } from './durable-sends.ts'

const online = 100

/** One sender, one message at a time, into groups that differ in size only; 100 members are connected to each. */
export const largeGroupAck: Workload = {
  name: 'group-ack',
  targets: ['parley'],
  run: async (context) => {
    const { target, quick } = context
    const large = quick ? 10_000 : 100_000
    const figures = []
    for (const size of [100, large]) {
      const memberIds = names(`m${size}`, size)
      const groupId = `of-${size}`
      await target.ensureUsers(memberIds)
      const begun = performance.now()
      await target.makeGroup(groupId, memberIds)
      context.note(`group of ${size} made in ${Math.round(performance.now() - begun)} ms`)
      const stage = new Stage(new MessageLog({ receivers: 0 }))
      const clients = await connectAll(
        target,
        memberIds.slice(0, online).map((userId) => ({ userId, events: stage })),
      )
      const send = (number: number): void => turn(clients, 0).send({ groupId }, number)
      const options = { target, stage, receivers: online, send }
      const first = await runPhase({ ...options, pace: { window: 1, until: 'complete' }, durationMs: 1_000 })
      context.phase(`${size} members, first second`, first)
      const result = await context.profiled(`group-ack-${size}`, () =>
        runPhase({ ...options, pace: { window: 1, until: 'complete' }, durationMs: quick ? 1_500 : 4_000 }),
      )
      context.phase(`${size} members`, result)
      closeAll(clients)
      figures.push(
        figure(`ack-${size}-p50`, `ack in a group of ${size}, p50`, 'ms', result.ackP50Ms, 'less'),
        figure(`ack-${size}-p99`, `ack in a group of ${size}, p99`, 'ms', result.ackP99Ms, 'less', 10),
      )
    }
    return figures
  },
}
