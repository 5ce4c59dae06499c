import { randomInt } from 'node:crypto'
import { parseRoomData, roomDataLabels, serializeRoomData } from '@parley/protocols/room-data'
import {
  parseDataChannelControl,
  payloadProtocols,
  SctpAssociation,
  type SctpMessage,
  serializeDataChannelControl,
} from '@parley/protocols/sctp'
import { CallMember, type CallMemberOptions } from './call-member.ts'

export interface ReceivedData {
  header: Record<string, unknown>
  payload: Uint8Array
  reliable: boolean
}

/** Somebody in a room with data channels and no browser: SCTP over the DTLS of its subscriber. */
export class DataMember {
  readonly member: CallMember
  readonly received: ReceivedData[] = []
  readonly association: SctpAssociation
  readonly #streams = new Map<string, number>()
  readonly #timer: NodeJS.Timeout
  #lastId = 0

  private constructor(member: CallMember, association: SctpAssociation) {
    this.member = member
    this.association = association
    this.#timer = setInterval(() => association.advance(performance.now()), 20)
  }

  /** Resolves when both channels stand. */
  static async join(options: CallMemberOptions): Promise<DataMember> {
    const parts: { member?: CallMember; self?: DataMember } = {}
    const association = new SctpAssociation({
      ...{ role: 'initiator', maxMessageBytes: 262_144, random: () => randomInt(2 ** 32) },
      sendPacket: (packet) => parts.member?.subscriber.transport.sendData(packet),
      onMessage: (message) => parts.self?.take(message),
    })
    const onData = (packet: Uint8Array): void => association.receive(packet, performance.now())
    parts.member = await CallMember.join({ ...options, onData })
    const self = new DataMember(parts.member, association)
    parts.self = self
    await parts.member.subscriber.connected
    association.connect(performance.now())
    for (let tries = 0; tries < 500 && self.#streams.size < 2; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    if (self.#streams.size < 2) throw new Error('the data channels did not open')
    return self
  }

  /** Answers its number. */
  send(payload: string | Uint8Array, { reliable = true, ...more }: Record<string, unknown> = {}): number {
    this.#lastId += 1
    const header = { type: 'send', id: this.#lastId, format: 'text', ...more }
    this.write(reliable === true ? 'reliable' : 'lossy', serializeRoomData(header, Buffer.from(payload)))
    return this.#lastId
  }

  write(channel: keyof typeof roomDataLabels, payload: Uint8Array): void {
    const reliability = channel === 'lossy' ? { ordered: false, maxRetransmits: 0 } : { ordered: true }
    const stream = this.#streams.get(roomDataLabels[channel]) ?? 0
    const { binary: protocol } = payloadProtocols
    this.association.send({ stream, protocol, payload, ...reliability }, performance.now())
  }

  /** Texts of one topic. */
  texts(topic?: string): string[] {
    return this.received
      .filter(({ header }) => header.type === 'message' && header.topic === topic)
      .map(({ payload }) => Buffer.from(payload).toString())
  }

  answerTo(id: number): Record<string, unknown> | undefined {
    return this.received.find(({ header }) => header.id === id)?.header
  }

  take({ stream, protocol, payload, unordered }: SctpMessage): void {
    if (protocol !== payloadProtocols.control) {
      this.received.push({ ...parseRoomData(payload), reliable: !unordered })
      return
    }
    const control = parseDataChannelControl(payload)
    if (control.type !== 'open') return
    this.#streams.set(control.channel.label, stream)
    this.association.send(
      {
        ...{ stream, protocol: payloadProtocols.control, ordered: true },
        payload: serializeDataChannelControl({ type: 'ack' }),
      },
      performance.now(),
    )
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.association.close()
    await this.member.close()
  }
}
