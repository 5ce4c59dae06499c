import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Endpoint } from './datagram-network.ts'
import { DeliveryQueue } from './delivery-queue.ts'
import { type Impairment, ImpairmentModel } from './impairment.ts'

/** A byte stream can be late and slow, not lossy: TCP repairs what is below it. */
export type StreamImpairment = Pick<Impairment, 'delayMs' | 'jitterMs' | 'rateKbps'>

export type WeakStreamNetworkOptions = {
  readonly target: Endpoint
  readonly up?: StreamImpairment
  readonly down?: StreamImpairment
  readonly seed?: number
}

/** Pieces a stream is cut into, so that a rate limit trickles instead of jumping. */
const PIECE_BYTES = 1_400
/** What waits in one direction of a connection before its sender is held back. */
const MAX_WAITING_BYTES = 256_000

/** One direction of one connection. */
class StreamLink {
  readonly model: ImpairmentModel
  readonly #queue = new DeliveryQueue()
  readonly #source: Socket
  readonly #sink: Socket
  #waitingBytes = 0
  #held: (() => void)[] = []
  #cut = false

  constructor(source: Socket, sink: Socket, impairment: StreamImpairment, seed: number) {
    this.model = new ImpairmentModel({ ...impairment, queueBytes: Infinity }, { seed })
    this.#source = source
    this.#sink = sink
    source.on('data', (chunk: Buffer) => this.#carry(chunk))
    source.on('end', () => this.#schedule(0, () => sink.end()))
    source.on('close', () => {
      if (source.errored) sink.destroy()
    })
    source.on('error', () => sink.destroy())
  }

  setCut(cut: boolean): void {
    this.#cut = cut
    if (cut) return
    for (const run of this.#held.splice(0)) run()
  }

  close(): void {
    this.#queue.close()
    this.#held = []
    this.#source.resetAndDestroy()
  }

  #carry(chunk: Buffer): void {
    for (let start = 0; start < chunk.length; start += PIECE_BYTES) {
      const piece = chunk.subarray(start, start + PIECE_BYTES)
      this.#waitingBytes += piece.length
      this.#schedule(piece.length, () => {
        this.#waitingBytes -= piece.length
        this.#sink.write(piece)
        if (this.#waitingBytes < MAX_WAITING_BYTES) this.#source.resume()
      })
    }
    if (this.#waitingBytes >= MAX_WAITING_BYTES) this.#source.pause()
  }

  #schedule(bytes: number, run: () => void): void {
    const fate = this.model.decide(performance.now(), bytes)
    if (fate.kind === 'dropped') return
    this.#queue.schedule(fate.atMs[0] ?? 0, () => {
      if (this.#cut) this.#held.push(run)
      else run()
    })
  }
}

/** A TCP relay that is late, slow, or stuck. The creator closes it; closing resets its connections. */
export class WeakStreamNetwork {
  readonly address: string
  readonly port: number
  readonly #options: WeakStreamNetworkOptions
  readonly #server: Server
  readonly #links = new Set<readonly [StreamLink, StreamLink]>()
  #impairments: { up: StreamImpairment; down: StreamImpairment }
  #cut = false
  #accepted = 0

  constructor(options: WeakStreamNetworkOptions, server: Server) {
    this.#options = options
    this.#impairments = { up: options.up ?? {}, down: options.down ?? {} }
    this.#server = server
    const { address, port } = server.address() as AddressInfo
    this.address = address
    this.port = port
    server.on('connection', (client) => this.#accept(client))
  }

  get connections(): number {
    return this.#links.size
  }

  change(impairments: { readonly up?: StreamImpairment; readonly down?: StreamImpairment }): void {
    this.#impairments = { ...this.#impairments, ...impairments }
    for (const [up, down] of this.#links) {
      up.model.change({ ...this.#impairments.up, queueBytes: Infinity })
      down.model.change({ ...this.#impairments.down, queueBytes: Infinity })
    }
  }

  /** Holds every byte back, as a path that swallows packets does; `heal` lets them go on. */
  cut(): void {
    this.#setCut(true)
  }

  heal(): void {
    this.#setCut(false)
  }

  /** Resets the open connections; new ones are accepted. */
  reset(): void {
    for (const [up, down] of this.#links) {
      up.close()
      down.close()
    }
    this.#links.clear()
  }

  close(): void {
    this.#server.close()
    this.reset()
  }

  #setCut(cut: boolean): void {
    this.#cut = cut
    for (const [up, down] of this.#links) {
      up.setCut(cut)
      down.setCut(cut)
    }
  }

  #accept(client: Socket): void {
    const { target } = this.#options
    const upstream = connect({ host: target.address, port: target.port, allowHalfOpen: true })
    client.setNoDelay()
    upstream.setNoDelay()
    const seed = (this.#options.seed ?? 1) * 65_537 + this.#accepted++ * 2
    const links = [
      new StreamLink(client, upstream, this.#impairments.up, seed),
      new StreamLink(upstream, client, this.#impairments.down, seed + 1),
    ] as const
    for (const link of links) link.setCut(this.#cut)
    this.#links.add(links)
    const gone = () => {
      if (client.closed && upstream.closed) this.#links.delete(links)
    }
    client.on('close', gone)
    upstream.on('close', gone)
  }
}

/** Opens a TCP relay on loopback towards the target. */
export async function createWeakStreamNetwork(options: WeakStreamNetworkOptions): Promise<WeakStreamNetwork> {
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return new WeakStreamNetwork(options, server)
}
