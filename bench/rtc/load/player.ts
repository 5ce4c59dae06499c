import { toMonotonicMs } from '@parley/testing/packet-sink'
import { readStamp } from './stamped-packet.ts'
import { Subscriber, type SubscriberOptions } from './subscriber.ts'

export type PlayerOptions = Omit<SubscriberOptions, 'sections' | 'reportEveryMs'> & {
  /** Delay of a packet that was opened, from sending to arrival. Milliseconds. */
  record: (kind: 'audio' | 'video', ms: number) => void
}

const audioPayloadType = 111
const reportEveryMs = 1_000

/** A subscriber of one camera and one microphone. All packets are opened until the first key frame is whole. */
export class Player extends Subscriber {
  readonly #record: PlayerOptions['record']
  readonly #frames = new Map<number, Set<number>>()
  #firstFrameMs = 0
  #frameSeen: () => void = () => undefined
  /** After the first whole key frame. */
  readonly playing: Promise<void>

  constructor({ record, ...options }: PlayerOptions) {
    super({ ...options, reportEveryMs, sections: ['audio', 'video'] })
    this.#record = record
    this.playing = new Promise((resolve) => {
      this.#frameSeen = resolve
    })
  }

  /** On the clock of `performance.now()`; 0 before. */
  get firstFrameMs(): number {
    return this.#firstFrameMs
  }

  /** In the measured span: packets that came, and that should have come by the numbers of those that did. */
  counted(): { received: number; expected: number } {
    let received = 0
    let expected = 0
    for (const stream of this.streams()) {
      received += stream.received
      expected += stream.expected
    }
    return { received, expected }
  }

  protected override read(packet: Buffer, arrivalMs: number): void {
    if (this.#firstFrameMs !== 0) this.know(packet.readUInt32BE(8))
    const stamp = readStamp(packet)
    if (stamp === undefined) return
    const kind = ((packet[1] ?? 0) & 0x7f) === audioPayloadType ? 'audio' : 'video'
    this.#record(kind, toMonotonicMs(arrivalMs) - Number(stamp.sentNs) / 1e6)
    if (this.#firstFrameMs !== 0 || !stamp.keyFrame) return
    const timestamp = packet.readUInt32BE(4)
    const seen = this.#frames.get(timestamp) ?? new Set<number>()
    this.#frames.set(timestamp, seen.add(stamp.index))
    if (seen.size < stamp.count) return
    this.#firstFrameMs = arrivalMs
    this.#frames.clear()
    this.#frameSeen()
  }
}
