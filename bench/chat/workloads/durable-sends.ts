import { closeAll, connectAll, names, turn } from '../load/connect-all.ts'
import { MessageLog, Stage } from '../load/message-log.ts'
import { findHighest, type Pace, type PhaseResult, runPhase } from '../load/phase.ts'
import type { Figure, Workload, WorkloadContext } from '../workload.ts'

const openLoopShare = 0.7

/** Many senders in direct conversations and in small groups; what counts is when the sender has its ack. */
export const durableSends: Workload = {
  name: 'sends',
  targets: ['parley', 'ejabberd'],
  run: async (context) => [
    ...(await sendDirect(context)),
    ...(context.quick ? [] : await sendToSmallGroups(context)),
  ],
}

const windows = (quick: boolean): Pace[] =>
  (quick ? [1024] : [128, 512, 2048]).map((window) => ({ window, until: 'acked' }))

async function sendDirect(context: WorkloadContext): Promise<Figure[]> {
  const { target, quick } = context
  const userIds = names('sender', 400)
  await target.ensureUsers(userIds)
  const stage = new Stage(new MessageLog({ receivers: 0 }))
  const clients = await connectAll(
    target,
    userIds.map((userId) => ({ userId, events: stage })),
  )
  // The other end of the pair, and with some servers the sender itself, hear each message.
  const receivers = target.name === 'parley' ? 2 : 1
  const send = (number: number): void => {
    const index = number % clients.length
    turn(clients, index).send({ userId: turn(userIds, index ^ 1) }, number)
  }
  const options = { target, stage, receivers, send }
  await runPhase({ ...options, pace: { window: 64, until: 'acked' }, durationMs: 1_000 })
  const highest = await context.profiled('sends', () =>
    findHighest(
      { ...options, durationMs: quick ? 2_000 : 3_000 },
      windows(quick),
      (result) => result.sendsPerSecond,
      (result) => context.phase('1:1 closed loop', result),
    ),
  )
  const open = await runPhase({
    ...options,
    pace: { perSecond: highest.sendsPerSecond * openLoopShare },
    durationMs: quick ? 2_000 : 4_000,
  })
  context.phase('1:1 open loop at 70 %', open)
  closeAll(clients)
  return [
    figure('sends', '1:1 sends, highest', 'sends/s', highest.sendsPerSecond, 'more', 20_000),
    ...latencies('sends', '1:1', open),
  ]
}

function latencies(key: string, label: string, open: PhaseResult): Figure[] {
  return [
    figure(`${key}-p50`, `${label} ack at 70 %, p50`, 'ms', open.ackP50Ms, 'less'),
    figure(`${key}-p99`, `${label} ack at 70 %, p99`, 'ms', open.ackP99Ms, 'less', 50),
  ]
}

async function sendToSmallGroups(context: WorkloadContext): Promise<Figure[]> {
  const { target, quick } = context
  const size = 5
  const userIds = names('member', 400)
  const groupIds = names('small', userIds.length / size)
  await target.ensureUsers(userIds)
  for (const [index, groupId] of groupIds.entries()) {
    await target.makeGroup(groupId, userIds.slice(index * size, (index + 1) * size))
  }
  const stage = new Stage(new MessageLog({ receivers: 0 }))
  const groupOf = (index: number): string => turn(groupIds, Math.floor(index / size))
  const clients = await connectAll(
    target,
    userIds.map((userId, index) => ({ userId, events: stage, groupIds: [groupOf(index)] })),
  )
  const send = (number: number): void => {
    const index = number % clients.length
    turn(clients, index).send({ groupId: groupOf(index) }, number)
  }
  const options = { target, stage, receivers: size, send }
  await runPhase({ ...options, pace: { window: 64, until: 'acked' }, durationMs: 1_000 })
  const highest = await findHighest(
    { ...options, durationMs: quick ? 2_000 : 3_000 },
    windows(quick).slice(-2),
    (result) => result.sendsPerSecond,
    (result) => context.phase(`groups of ${size} closed loop`, result),
  )
  closeAll(clients)
  return [
    figure('group-sends', `sends to groups of ${size}, highest`, 'sends/s', highest.sendsPerSecond, 'more'),
  ]
}

export function figure(
  key: string,
  label: string,
  unit: string,
  value: number,
  better: Figure['better'],
  goal?: number,
): Figure {
  return { key, label, unit, value, better, ...(goal !== undefined && { goal }) }
}
