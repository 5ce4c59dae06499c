import type { Codec } from '@parley/protocols/sdp'
import { codecKey, familyOf } from './codecs.ts'
import { protectionNumbers } from './protection.ts'

type Numbers = { payloadType: number; retransmission: number }

/** What browsers use, so that descriptions read as usual. */
const usual: Readonly<Record<string, Numbers>> = {
  opus: { payloadType: 111, retransmission: 0 },
  red: { payloadType: 63, retransmission: 0 },
  pcmu: { payloadType: 0, retransmission: 0 },
  pcma: { payloadType: 8, retransmission: 0 },
  g722: { payloadType: 9, retransmission: 0 },
  vp8: { payloadType: 96, retransmission: 97 },
  'vp9/0': { payloadType: 98, retransmission: 99 },
  'av1/0': { payloadType: 45, retransmission: 46 },
}

const videoFeedback = ['ccm fir', 'nack', 'nack pli']
const measuredFeedback = [...videoFeedback, 'transport-cc', 'goog-remb']

/**
 * The payload types of one connection that we offer: in a bundle one number means one codec, whoever published it.
 * At most about a dozen codecs fit, more than browsers have.
 */
export class PayloadTypes {
  readonly #measured: boolean
  readonly #numbers = new Map<string, Numbers>()
  readonly #free = [...range(100, 127), ...range(35, 62)].filter(
    (number) => ![111, 45, 46, ...protectionNumbers].includes(number),
  )

  /** `measured`: feedback is asked for by which the path is measured. */
  constructor(options: { measured: boolean }) {
    this.#measured = options.measured
  }

  /** The publisher's codec under the numbers of this connection. Undefined when there is no number left. */
  offered(codec: Codec): Codec | undefined {
    const numbers = this.#numbersOf(codecKey(codec))
    if (numbers === undefined) return undefined
    const { retransmissionPayloadType, ...rest } = codec
    const family = familyOf(codec)
    const isVideo = codec.clockRate === 90_000
    return {
      ...rest,
      payloadType: numbers.payloadType,
      parameters: family === 'red' ? { '111/111': '' } : codec.parameters,
      feedback: isVideo
        ? this.#measured
          ? measuredFeedback
          : videoFeedback
        : family === 'opus'
          ? ['nack']
          : [],
      ...(isVideo && { retransmissionPayloadType: numbers.retransmission }),
    }
  }

  #numbersOf(key: string): Numbers | undefined {
    const known = this.#numbers.get(key) ?? usual[key]
    if (known !== undefined) return known
    const [payloadType, retransmission] = this.#free.splice(0, 2)
    if (payloadType === undefined || retransmission === undefined) return undefined
    const numbers = { payloadType, retransmission }
    this.#numbers.set(key, numbers)
    return numbers
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}
