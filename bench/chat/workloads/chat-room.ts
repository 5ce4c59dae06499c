import { setTimeout as sleep } from 'node:timers/promises'
import { closeAll, connectAll, eachOf, names, turn } from '../load/connect-all.ts'
import { Latency } from '../load/latency.ts'
import type { LoadEvents } from '../load/target.ts'
import { GeneratorWatch } from '../machine/generator-watch.ts'
import { coresBetween, usageOf } from '../machine/processes.ts'
import { ParleyClient } from '../parley/parley-client.ts'
import { ParleyTarget } from '../parley/parley-target.ts'
import type { Workload } from '../workload.ts'
import { figure } from './durable-sends.ts'

const chatRoomId = 'arena'
const perSecond = 100
/** Every so many-th message is of high priority, sent by the owner; none of these may be lost. */
const highEvery = 10

/** What all connections of the room got, by number of the message. */
class Heard implements LoadEvents {
  readonly latency = new Latency()
  readonly #sentAt = new Map<number, number>()
  deliveries = 0
  highDeliveries = 0
  acknowledged = 0
  refused = 0
  lostUsers = 0

  noteSent(number: number): void {
    this.#sentAt.set(number, performance.now())
  }

  acked(): void {
    this.acknowledged++
  }

  rejected(): void {
    this.refused++
  }

  delivered(number: number): void {
    this.deliveries++
    if (number % highEvery === 0) this.highDeliveries++
    const sentAt = this.#sentAt.get(number)
    if (sentAt !== undefined && this.deliveries % 16 === 0) this.latency.record(performance.now() - sentAt)
  }

  lost(): void {
    this.lostUsers++
  }
}

/** A chat room of 10,000 who hear 100 messages a second: a million deliveries a second, in shared frames. */
export const chatRoom: Workload = {
  name: 'chat-room',
  targets: ['parley'],
  run: async (context) => {
    const { target, quick } = context
    if (!(target instanceof ParleyTarget)) throw new Error('only Parley has chat rooms')
    const people = quick ? 2_000 : 10_000
    const seconds = quick ? 5 : 15
    const userIds = names('fan', people)
    await target.ensureUsers(userIds)
    await target.rest('POST', '/v1/chatrooms', { chatRoomId, ownerId: userIds[0] })
    const heard = new Heard()
    const clients = await connectAll(
      target,
      userIds.map((userId) => ({ userId, events: heard })),
    )
    const fans = clients.filter((client) => client instanceof ParleyClient)
    const begun = performance.now()
    await eachOf(fans, 200, (client) => client.request('chatroom.join', { chatRoomId, recent: 0 }))
    context.note(`${people} joined in ${Math.round(performance.now() - begun)} ms`)
    const [owner] = fans
    const speakers = fans.slice(1, 101)

    const groups = await target.processes()
    const before = usageOf(groups)
    const watch = new GeneratorWatch()
    const from = performance.now()
    const total = perSecond * seconds
    // Once the first frames have arrived, as much arrives as is said.
    let settled: { deliveries: number; at: number } | undefined
    for (let number = 0; number < total; ) {
      const due = Math.min(total, ((performance.now() - from) / 1000) * perSecond)
      for (; number < due; number++) {
        heard.noteSent(number)
        const high = number % highEvery === 0
        const speaker = high ? owner : turn(speakers, number)
        speaker?.say(chatRoomId, number, high ? 'high' : 'normal')
      }
      await sleep(2)
      if (performance.now() - from > 1_000)
        settled ??= { deliveries: heard.deliveries, at: performance.now() }
    }
    const elapsed = (performance.now() - from) / 1000
    const { deliveries = 0, at = from } = settled ?? {}
    const deliveriesBy = ((heard.deliveries - deliveries) * 1000) / (performance.now() - at)
    const generator = watch.stop()
    const parts = coresBetween(before, usageOf(groups), elapsed)
    const quiet = async (): Promise<void> => {
      for (let last = -1; heard.deliveries !== last; await sleep(500)) last = heard.deliveries
    }
    await quiet()
    closeAll(clients)
    const busy = parts.map(({ part, cores }) => `${part} ${cores.toFixed(2)}`).join(', ')
    context.note(
      `cores: ${busy}; generator ${generator.cores.toFixed(2)} of its core` +
        `${generator.bottleneck ? ' (saturated: the figure is its limit)' : ''}; ${heard.refused} refused, ${heard.lostUsers} connections lost`,
    )
    return [
      figure(
        'chat-room',
        `chat room: ${people} online, ${perSecond} messages/s`,
        'deliveries/s',
        deliveriesBy,
        'more',
        people * perSecond,
      ),
      figure('chat-room-all', 'received / expected', '', heard.deliveries / (total * people), 'more', 1),
      figure(
        'chat-room-high',
        'high priority received / expected',
        '',
        heard.highDeliveries / ((total / highEvery) * people),
        'more',
        1,
      ),
      figure('chat-room-p50', 'said to heard, p50', 'ms', heard.latency.quantile(0.5), 'less'),
      figure('chat-room-p99', 'said to heard, p99', 'ms', heard.latency.quantile(0.99), 'less', 500),
    ]
  },
}
