import type { SyncAnswer } from '@parley/contracts'
import { closeAll, connectAll, eachOf, names, turn } from '../load/connect-all.ts'
import { Latency } from '../load/latency.ts'
import { MessageLog, Stage } from '../load/message-log.ts'
import { runPhase } from '../load/phase.ts'
import { GeneratorWatch } from '../machine/generator-watch.ts'
import { coresBetween, usageOf } from '../machine/processes.ts'
import { ParleyClient } from '../parley/parley-client.ts'
import type { Figure, Workload, WorkloadContext } from '../workload.ts'
import { figure } from './durable-sends.ts'

const users = 200
const groups = 100
const groupSize = 100
const underWay = 64

/** Every user has 50 conversations; `cold` lists them all, `delta` those few that moved since. */
export const sync: Workload = {
  name: 'sync',
  targets: ['parley'],
  run: async (context) => {
    const { target, quick } = context
    const userIds = names('sync', users)
    const groupIds = names('sync-group', groups)
    await target.ensureUsers(userIds)
    for (const [group, groupId] of groupIds.entries()) {
      await target.makeGroup(
        groupId,
        Array.from({ length: groupSize }, (_, place) => turn(userIds, place * 2 + (group % 2))),
      )
    }
    const stage = new Stage(new MessageLog({ receivers: 0 }))
    const clients = (
      await connectAll(
        target,
        userIds.map((userId) => ({ userId, events: stage })),
      )
    ).filter((client) => client instanceof ParleyClient)
    const sendInto =
      (count: number) =>
      (number: number): void => {
        const group = number % count
        turn(clients, group % 2).send({ groupId: turn(groupIds, group) }, number)
      }
    await runPhase({
      target,
      stage,
      receivers: 0,
      durationMs: 1_500,
      pace: { perSecond: 1_000 },
      send: sendInto(groups),
    })
    const whole = await eachOf(clients, underWay, (client) =>
      client.request<SyncAnswer>('conversation.sync', {}),
    )
    context.note(`cold: ${whole[0]?.conversations.length} conversations a user`)
    // Six groups, three of each half of the users, move once more.
    await runPhase({
      target,
      stage,
      receivers: 0,
      durationMs: 500,
      pace: { perSecond: 100 },
      send: sendInto(6),
    })
    const cursorOf = new Map(clients.map((client, index) => [client, whole[index]?.cursor]))
    const durationMs = quick ? 1_000 : 3_000
    const cold = await context.profiled('sync-cold', () =>
      hammer(context, 'cold', clients, durationMs, () => ({})),
    )
    const delta = await context.profiled('sync-delta', () =>
      hammer(context, 'delta', clients, durationMs, (client) => ({ cursor: cursorOf.get(client) })),
    )
    const now = await eachOf(clients, underWay, (client) =>
      client.request<SyncAnswer>('conversation.sync', { cursor: cursorOf.get(client) }),
    )
    context.note(`delta: ${now[0]?.conversations.length} conversations a user`)
    const fresh = new Map(clients.map((client, index) => [client, now[index]?.cursor]))
    const empty = await hammer(context, 'nothing new', clients, durationMs, (client) => ({
      cursor: fresh.get(client),
    }))
    closeAll(clients)
    return [
      ...figures('sync-cold', 'cold sync of 50 conversations', cold),
      ...figures('sync-delta', 'delta sync, 3 moved', delta, 5_000, 20),
      ...figures('sync-empty', 'delta sync, nothing new', empty, 5_000, 20),
    ]
  },
}

interface Hammered {
  perSecond: number
  times: Latency
}

async function hammer(
  context: WorkloadContext,
  label: string,
  clients: readonly ParleyClient[],
  durationMs: number,
  bodyOf: (client: ParleyClient) => object,
): Promise<Hammered> {
  const times = new Latency()
  const groups = await context.target.processes()
  const usage = usageOf(groups)
  const watch = new GeneratorWatch()
  const begun = performance.now()
  let next = 0
  await Promise.all(
    Array.from({ length: underWay }, async () => {
      while (performance.now() - begun < durationMs) {
        const client = turn(clients, next++)
        const asked = performance.now()
        await client.request('conversation.sync', bodyOf(client))
        times.record(performance.now() - asked)
      }
    }),
  )
  const seconds = (performance.now() - begun) / 1000
  const parts = coresBetween(usage, usageOf(groups), seconds)
  const { busy } = watch.stop()
  context.note(
    `${label}: ${Math.round(times.count / seconds)}/s; ` +
      `${parts.map(({ part, cores }) => `${part} ${cores.toFixed(2)} cores`).join(', ')}; generator ${(busy * 100).toFixed(0)} % busy`,
  )
  return { perSecond: times.count / seconds, times }
}

function figures(
  key: string,
  label: string,
  { perSecond, times }: Hammered,
  rate?: number,
  p99?: number,
): Figure[] {
  return [
    figure(key, label, 'calls/s', perSecond, 'more', rate),
    figure(`${key}-p50`, `${label}, p50 with ${underWay} under way`, 'ms', times.quantile(0.5), 'less'),
    figure(`${key}-p99`, `${label}, p99 with ${underWay} under way`, 'ms', times.quantile(0.99), 'less', p99),
  ]
}
