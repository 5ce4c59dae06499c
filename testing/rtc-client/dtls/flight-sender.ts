import { fragmentOf, type HandshakeMessage } from './handshake-message.ts'
import type { WriteKeys } from './key-schedule.ts'
import { CONTENT, protectRecord, RECORD_OVERHEAD, serializeRecord } from './record.ts'

export type FlightSenderOptions = {
  readonly send: (datagram: Uint8Array) => void
  readonly retransmitMs: number
  readonly maxDatagramBytes: number
  readonly onGivenUp: () => void
}

type FlightPart =
  | { readonly kind: 'message'; readonly epoch: number; readonly message: HandshakeMessage }
  | { readonly kind: 'change-cipher-spec' }

const HANDSHAKE_HEADER_LENGTH = 12
const MAX_BACKOFF = 8
const MAX_TRANSMISSIONS = 20

/**
 * The sending half of an association: numbers messages and records, packs flights into datagrams, and repeats the
 * last flight until it is settled (RFC 6347 section 4.2.4). Owns the retransmission timer.
 */
export class FlightSender {
  readonly #options: FlightSenderOptions
  #flight: FlightPart[] = []
  #nextMessage = 0
  #epoch = 0
  #keys: WriteKeys | undefined
  readonly #nextRecord: [number, number] = [0, 0]
  #timer: NodeJS.Timeout | undefined
  #transmissions = 0
  #lastSentMs = 0

  constructor(options: FlightSenderOptions) {
    this.#options = options
  }

  /** Starts a new flight: the one before it has been answered. */
  begin(): void {
    this.settle()
    this.#flight = []
    this.#transmissions = 0
  }

  /** Adds a message to the flight. */
  message(type: number, body: Uint8Array): HandshakeMessage {
    const message = { type, sequence: this.#nextMessage++, body: Uint8Array.from(body) }
    this.#flight.push({ kind: 'message', epoch: this.#epoch, message })
    return message
  }

  /** What follows is protected with these keys. */
  changeCipherSpec(keys: WriteKeys): void {
    this.#flight.push({ kind: 'change-cipher-spec' })
    this.#keys = keys
    this.#epoch = 1
  }

  /** Sends the flight; unless told otherwise it is repeated until `settle` or the next `begin`. */
  flush(options: { readonly retransmit?: boolean } = {}): void {
    this.#transmit()
    if (options.retransmit !== false) this.#arm()
  }

  /** The peer repeats its last flight, so ours was lost. */
  peerRepeats(): void {
    // Half an interval apart at least: two sides that answer repetition with repetition would never stop.
    if (performance.now() - this.#lastSentMs > this.#options.retransmitMs / 2) this.#transmit()
  }

  settle(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  sendAlert(level: number, description: number): void {
    this.#options.send(this.#record(CONTENT.alert, this.#epoch, Uint8Array.of(level, description)))
  }

  sendData(data: Uint8Array): void {
    this.#options.send(this.#record(CONTENT.applicationData, 1, data))
  }

  close(): void {
    this.settle()
    this.#flight = []
  }

  #arm(): void {
    const factor = Math.min(MAX_BACKOFF, 2 ** (this.#transmissions - 1))
    this.#timer = setTimeout(() => {
      if (this.#transmissions >= MAX_TRANSMISSIONS) {
        this.#options.onGivenUp()
        return
      }
      this.#transmit()
      this.#arm()
    }, this.#options.retransmitMs * factor)
  }

  #transmit(): void {
    if (this.#flight.length === 0) return
    this.#transmissions++
    this.#lastSentMs = performance.now()
    const { maxDatagramBytes, send } = this.#options
    let datagram: Uint8Array[] = []
    let length = 0
    for (const record of this.#records()) {
      if (length + record.length > maxDatagramBytes && datagram.length > 0) {
        send(Buffer.concat(datagram))
        datagram = []
        length = 0
      }
      datagram.push(record)
      length += record.length
    }
    send(Buffer.concat(datagram))
  }

  *#records(): Generator<Uint8Array> {
    const space = this.#options.maxDatagramBytes - RECORD_OVERHEAD - HANDSHAKE_HEADER_LENGTH
    for (const part of this.#flight) {
      if (part.kind === 'change-cipher-spec') {
        yield this.#record(CONTENT.changeCipherSpec, 0, Uint8Array.of(1))
        continue
      }
      const { message, epoch } = part
      let offset = 0
      do {
        const size = Math.min(space, message.body.length - offset)
        yield this.#record(CONTENT.handshake, epoch, fragmentOf(message, offset, size))
        offset += size
      } while (offset < message.body.length)
    }
  }

  #record(contentType: number, epoch: number, fragment: Uint8Array): Uint8Array {
    const lane = epoch === 0 ? 0 : 1
    const record = { contentType, epoch, sequenceNumber: this.#nextRecord[lane]++, fragment }
    return serializeRecord(lane === 1 && this.#keys ? protectRecord(record, this.#keys) : record)
  }
}
