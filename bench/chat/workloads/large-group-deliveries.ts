import { closeAll, connectAll, names, turn } from '../load/connect-all.ts'
import { MessageLog, Stage } from '../load/message-log.ts'
import { findHighest, runPhase } from '../load/phase.ts'
import type { Workload } from '../workload.ts'
import { figure } from './durable-sends.ts'

/** A group of 10,000 of whom 5,000 are connected; three of them talk. */
export const largeGroupDeliveries: Workload = {
  name: 'large-group',
  targets: ['parley', 'ejabberd'],
  quickWithoutPeer: true,
  run: async (context) => {
    const { target, quick } = context
    const memberIds = names('big', 10_000)
    const online = memberIds.slice(0, 5_000)
    const groupIds = ['ten-thousand']
    await target.ensureUsers(target.name === 'parley' ? memberIds : online)
    await target.makeGroup('ten-thousand', memberIds)
    const stage = new Stage(new MessageLog({ receivers: 0 }))
    const begun = performance.now()
    const clients = await connectAll(
      target,
      online.map((userId) => ({ userId, events: stage, groupIds })),
    )
    const connectedMs = performance.now() - begun
    context.note(`${online.length} connections in ${Math.round(connectedMs)} ms`)
    const senders = clients.slice(0, 3)
    const send = (number: number): void => turn(senders, number).send({ groupId: 'ten-thousand' }, number)
    const options = { target, stage, receivers: online.length, send }
    await runPhase({ ...options, pace: { window: 2, until: 'complete' }, durationMs: 1_000 })
    // Each server gets windows at which it is busy without a queue of many seconds.
    const [few, more] = target.name === 'parley' ? [16, 32] : [4, 8]
    const windows = quick ? [few] : [few, more]
    const highest = await context.profiled('large-group', () =>
      findHighest(
        { ...options, durationMs: quick ? 2_000 : 3_000 },
        windows.map((window) => ({ window, until: 'complete' })),
        (result) => result.deliveriesPerSecond,
        (result) => context.phase('closed loop', result),
      ),
    )
    const perSecond = (highest.deliveriesPerSecond / online.length) * 0.7
    const open = await runPhase({ ...options, pace: { perSecond }, durationMs: quick ? 2_000 : 4_000 })
    context.phase('open loop at 70 %', open)
    if (stage.lostUsers > 0) context.note(`${stage.lostUsers} connections were lost`)
    closeAll(clients)
    return [
      figure(
        'large-group',
        '10k group, 5k online: highest',
        'deliveries/s',
        highest.deliveriesPerSecond,
        'more',
        200_000,
      ),
      figure('large-group-p50', 'send to receive at 70 %, p50', 'ms', open.deliveryP50Ms, 'less'),
      figure('large-group-p99', 'send to receive at 70 %, p99', 'ms', open.deliveryP99Ms, 'less', 500),
      figure('large-group-received', 'received / expected', '', open.received / open.expected, 'more', 1),
    ]
  },
}
