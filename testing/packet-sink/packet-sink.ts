import { isIPv4 } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DatagramPort } from '@parley/testing/rtc-client'
import { fromMonotonicMs, monotonicMs } from './clock.ts'
import { loadPacketSink, type NativeSink, type NativeSinks } from './native.ts'

export interface PacketSinkOptions {
  /** Of the socket; more than net.core.rmem_max only for root. Default 64 MiB. */
  readonly bufferBytes?: number
  /** How often the thread looks. Arrival times are the kernel's and do not depend on it. Default 1,000. */
  readonly pollMicroseconds?: number
}

/** What came on one SSRC in the measured span. */
export interface SinkStream {
  readonly ssrc: number
  /** Of its first packet. */
  readonly payloadType: number
  readonly received: number
  /** By the numbers of what came. */
  readonly expected: number
  /** Extended sequence number (RFC 3550 appendix A.1), whatever the span. */
  readonly highest: number
}

/** Since the sink was opened. */
export interface SinkStatistics {
  readonly received: number
  /** Handed to JavaScript. */
  readonly passed: number
  /** By the kernel, as the socket's buffer was full. */
  readonly dropped: number
  /** Not handed over, as JavaScript was too slow to take it. */
  readonly overflowed: number
  /** What the kernel granted, which is twice what was asked for. */
  readonly bufferBytes: number
}

const defaults = { bufferBytes: 64 << 20, pollMicroseconds: 1_000 }
const headerBytes = 24
const settledWithinMs = 5_000

/**
 * One UDP socket that receives for very many synthetic listeners, each on a loopback address of its own. A native thread
 * counts media by listener and SSRC and hands over only what somebody has to look at. Linux; the creator closes it.
 */
export class PacketSink {
  readonly #native: NativeSinks
  readonly #sink: NativeSink
  readonly #places = new Map<number, SinkPlace>()

  private constructor(native: NativeSinks, options: Required<PacketSinkOptions>) {
    this.#native = native
    this.#sink = native.open(options, (batch) => this.#take(batch))
  }

  /** Compiles the native part where it has to. @throws Error without a compiler, and where sockets fail. */
  static async open(options: PacketSinkOptions = {}): Promise<PacketSink> {
    return new PacketSink(await loadPacketSink(), { ...defaults, ...options })
  }

  get port(): number {
    return this.#native.port(this.#sink)
  }

  /**
   * Room for one more listener, 65,535 in all. Of its media all packets are handed over until their SSRC is known, then one
   * in `passEvery`; of everything else all.
   */
  place(passEvery: number): SinkPlace {
    const number = this.#native.addPlace(this.#sink, passEvery)
    if (number === 0) throw new Error('the sink has no more addresses')
    const place = new SinkPlace(this.#native, this.#sink, number, () => this.#places.delete(number))
    this.#places.set(number, place)
    return place
  }

  /**
   * Counts from now on what arrives within this span of `monotonicMs`, which may lie ahead: by the kernel's time, whatever
   * the threads of this process do meanwhile.
   */
  measure(fromMs: number, toMs: number): void {
    this.#native.measure(this.#sink, fromMs, toMs)
  }

  /** Settles when everything that arrived before is counted. @throws Error when the thread does not keep up. */
  async countedTo(ms: number): Promise<void> {
    const deadline = monotonicMs() + settledWithinMs
    while (this.#native.statistics(this.#sink).countedTo < ms) {
      if (monotonicMs() > deadline) throw new Error('the packet sink does not keep up')
      await sleep(5)
    }
  }

  statistics(): SinkStatistics {
    const { countedTo: _, ...statistics } = this.#native.statistics(this.#sink)
    return statistics
  }

  close(): void {
    this.#native.close(this.#sink)
    this.#places.clear()
  }

  /** Layout of `PassedHeader` in src/sink.h. */
  #take(batch: Buffer): void {
    for (let at = 0; at + headerBytes <= batch.length; ) {
      const size = batch.readUInt32LE(at + 8)
      const data = batch.subarray(at + headerBytes, at + headerBytes + size)
      const source = {
        address: textOf(batch.readUInt32LE(at + 12)),
        port: batch.readUInt16LE(at + 16),
      }
      const place = this.#places.get(batch.readUInt16LE(at + 18))
      place?.receive(data, source, fromMonotonicMs(batch.readDoubleLE(at)))
      at += headerBytes + ((size + 7) & ~7)
    }
  }
}

/** A listener's place on a sink, as its transport uses it: `new PeerTransport({ port: place })`. */
export class SinkPlace implements DatagramPort {
  readonly #native: NativeSinks
  readonly #sink: NativeSink
  readonly #number: number
  readonly #removed: () => void
  #onDatagram: Parameters<DatagramPort['open']>[0] = () => {}

  constructor(native: NativeSinks, sink: NativeSink, number: number, removed: () => void) {
    this.#native = native
    this.#sink = sink
    this.#number = number
    this.#removed = removed
  }

  /** Where its datagrams come from. */
  get address(): string {
    return `127.64.${this.#number >> 8}.${this.#number & 255}`
  }

  open(onDatagram: Parameters<DatagramPort['open']>[0]): void {
    this.#onDatagram = onDatagram
  }

  /** IPv4 only. */
  send(datagram: Uint8Array, { address, port }: { address: string; port: number }): void {
    if (isIPv4(address)) this.#native.send(this.#sink, this.#number, numberOf(address), port, datagram)
  }

  /** From now on one packet in so many is enough. */
  know(ssrc: number): void {
    this.#native.know(this.#sink, this.#number, ssrc)
  }

  /** In the span that the sink measures. */
  streams(): SinkStream[] {
    const numbers = this.#native.streams(this.#sink, this.#number)
    const streams: SinkStream[] = []
    for (let at = 0; at < numbers.length; at += 5) {
      const [ssrc = 0, payloadType = 0, received = 0, expected = 0, highest = 0] = numbers.slice(at, at + 5)
      streams.push({ ssrc, payloadType, received, expected, highest })
    }
    return streams
  }

  close(): void {
    this.#native.removePlace(this.#sink, this.#number)
    this.#removed()
  }

  /** Of the sink alone. */
  receive(datagram: Buffer, source: { address: string; port: number }, arrivalMs: number): void {
    this.#onDatagram(datagram, source, arrivalMs)
  }
}

const addresses = new Map<number, string>()

function textOf(address: number): string {
  const known = addresses.get(address)
  if (known !== undefined) return known
  const text = [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.')
  addresses.set(address, text)
  return text
}

function numberOf(address: string): number {
  return address.split('.').reduce((number, octet) => number * 256 + Number(octet), 0)
}
