import { setTimeout as sleep } from 'node:timers/promises'
import { closeAll, eachOf, names, turn } from '../load/connect-all.ts'
import { Latency } from '../load/latency.ts'
import { MessageLog, Stage } from '../load/message-log.ts'
import { GeneratorWatch } from '../machine/generator-watch.ts'
import { coresBetween, usageOf } from '../machine/processes.ts'
import type { Workload } from '../workload.ts'
import { figure } from './durable-sends.ts'

const gap = 20
const atOnce = 500
const settleWithinMs = 60_000

/** Everybody lost 20 messages of one conversation and comes back at the same moment. */
export const reconnectStorm: Workload = {
  name: 'storm',
  targets: ['parley'],
  run: async (context) => {
    const { target, stormClients } = context
    const pairs = Math.floor(stormClients / 2)
    const userIds = names('storm', pairs * 2)
    await target.ensureUsers(userIds)
    const stage = new Stage(new MessageLog({ receivers: 0 }))
    const places = await eachOf(userIds, atOnce, async (userId) => {
      const client = await target.connect({ userId, events: stage })
      const place = await target.markPlace(client, peerOf(userIds, userId))
      client.close()
      return place
    })
    const senders = userIds.filter((_, index) => index % 2 === 0)
    for (let from = 0; from < senders.length; from += atOnce) {
      const wave = senders.slice(from, from + atOnce)
      const clients = await eachOf(wave, atOnce, (userId) => target.connect({ userId, events: stage }))
      const log = new MessageLog({ receivers: 0 })
      stage.log = log
      for (let round = 0; round < gap; round++) {
        for (const client of clients) client.send({ userId: peerOf(userIds, client.userId) }, log.next())
        await settled(log, wave.length * 2)
      }
      await settled(log, 0)
      closeAll(clients)
    }
    stage.log = new MessageLog({ receivers: 0 })
    const times = new Latency()
    const groups = await target.processes()
    const usage = usageOf(groups)
    const watch = new GeneratorWatch()
    const begun = performance.now()
    let short = 0
    const clients = await context.profiled('storm', () =>
      eachOf(
        userIds.map((userId, index) => ({ userId, place: places[index] })),
        1_000,
        async ({ userId, place }) => {
          const client = await target.connect({ userId, events: stage })
          const { messages } = await target.catchUp(client, place)
          if (messages !== gap) short++
          times.record(performance.now() - begun)
          return client
        },
      ),
    )
    const seconds = (performance.now() - begun) / 1000
    const generator = watch.stop()
    const parts = coresBetween(usage, usageOf(groups), seconds)
    context.note(
      `${userIds.length} clients, ${short} without exactly ${gap} messages; half of them after ` +
        `${Math.round(times.quantile(0.5))} ms; ${parts.map(({ part, cores }) => `${part} ${cores.toFixed(2)} cores`).join(', ')}; ` +
        `generator ${(generator.busy * 100).toFixed(0)} % busy`,
    )
    closeAll(clients)
    return [
      figure(
        'storm',
        `reconnect storm, ${userIds.length} clients with ${gap}-message gaps`,
        's',
        seconds,
        'less',
        (20 * userIds.length) / 50_000,
      ),
      figure('storm-rate', 'reconnected and caught up', 'clients/s', userIds.length / seconds, 'more', 2_500),
    ]
  },
}

/** Users 2k and 2k+1 talk to each other. */
function peerOf(userIds: readonly string[], userId: string): string {
  return turn(userIds, Number(userId.split('-')[1]) ^ 1)
}

/** Waits until no more than so many messages are without an ack. */
async function settled(log: MessageLog, pending: number): Promise<void> {
  const deadline = performance.now() + settleWithinMs
  while (log.pending > pending) {
    if (performance.now() > deadline) throw new Error(`${log.pending} messages were never acknowledged`)
    await sleep(2)
  }
}
