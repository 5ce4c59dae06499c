import { closeAll, connectAll, names, turn } from '../load/connect-all.ts'
import { MessageLog, Stage } from '../load/message-log.ts'
import { findHighest, runPhase } from '../load/phase.ts'
import type { Workload } from '../workload.ts'
import { figure } from './durable-sends.ts'

const groups = 100
const groupSize = 100
const users = 1_000

/** WuKongIM's workload: 100 groups of 100, here over 1,000 connections of which each is in ten groups. */
export const hundredGroups: Workload = {
  name: 'groups-100x100',
  targets: ['parley', 'ejabberd'],
  quickWithoutPeer: true,
  run: async (context) => {
    const { target, quick } = context
    const userIds = names('wk', users)
    await target.ensureUsers(userIds)
    const groupIds = names('hundred', groups)
    // Member k of group g is user (g + 10 k): every user is in ten groups, and any two groups share few users.
    const membersOf = (group: number): number[] =>
      Array.from(
        { length: groupSize },
        (_, place) => (group + place * (users / groupSize) + Math.floor(group / 10)) % users,
      )
    const groupsOf = new Map<number, string[]>()
    for (const [group, groupId] of groupIds.entries()) {
      const members = membersOf(group)
      for (const member of members) groupsOf.set(member, [...(groupsOf.get(member) ?? []), groupId])
      await target.makeGroup(
        groupId,
        members.map((member) => turn(userIds, member)),
      )
    }
    const stage = new Stage(new MessageLog({ receivers: 0 }))
    const clients = await connectAll(
      target,
      userIds.map((userId, index) => ({ userId, events: stage, groupIds: groupsOf.get(index) ?? [] })),
    )
    const send = (number: number): void => {
      const group = number % groups
      const sender = turn(membersOf(group), Math.floor(number / groups))
      turn(clients, sender).send({ groupId: turn(groupIds, group) }, number)
    }
    const options = { target, stage, receivers: groupSize, send }
    await runPhase({ ...options, pace: { window: 16, until: 'complete' }, durationMs: 1_000 })
    const windows = quick ? [512] : [128, 512]
    const highest = await context.profiled('groups-100x100', () =>
      findHighest(
        { ...options, durationMs: quick ? 2_000 : 3_000 },
        windows.map((window) => ({ window, until: 'complete' })),
        (result) => result.sendsPerSecond,
        (result) => context.phase('closed loop', result),
      ),
    )
    const perSecond = highest.sendsPerSecond * 0.7
    const open = await runPhase({ ...options, pace: { perSecond }, durationMs: quick ? 1_500 : 3_000 })
    context.phase('open loop at 70 %', open)
    closeAll(clients)
    return [
      figure('hundred-sends', '100 groups x 100: highest', 'sends/s', highest.sendsPerSecond, 'more'),
      figure(
        'hundred-deliveries',
        '100 groups x 100: highest',
        'deliveries/s',
        highest.deliveriesPerSecond,
        'more',
      ),
      figure('hundred-p99', 'send to receive at 70 %, p99', 'ms', open.deliveryP99Ms, 'less'),
    ]
  },
}
