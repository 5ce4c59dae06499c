import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, isIPv6 } from 'node:net'
import { DeliveryQueue } from './delivery-queue.ts'
import { type Impairment, ImpairmentModel } from './impairment.ts'

export type Endpoint = { readonly address: string; readonly port: number }

export type WeakNetworkOptions = {
  /** Where datagrams of clients go on to. */
  readonly target: Endpoint
  /** From clients to the target, and back. */
  readonly up?: Impairment
  readonly down?: Impairment
  readonly seed?: number
  /** Local address the clients send to; default: the loopback address of the target's family. */
  readonly address?: string
  /** Client sources served at a time; datagrams of further ones are dropped. Default 1,024. */
  readonly maxSources?: number
}

/** Datagrams of one direction, over all sources. */
export type DirectionCounters = {
  received: number
  receivedBytes: number
  /** Duplicates included. */
  delivered: number
  deliveredBytes: number
  lost: number
  overflowed: number
  cut: number
  duplicated: number
  reordered: number
}

type Direction = 'up' | 'down'
type Link = { readonly upstream: Socket; readonly up: ImpairmentModel; readonly down: ImpairmentModel }

function noTraffic(): DirectionCounters {
  return {
    received: 0,
    receivedBytes: 0,
    delivered: 0,
    deliveredBytes: 0,
    lost: 0,
    overflowed: 0,
    cut: 0,
    duplicated: 0,
    reordered: 0,
  }
}

const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024

/**
 * A UDP relay that treats datagrams badly. Each client source has a link of its own: its own socket towards the
 * target, its own rate and queue, its own random sequence derived from the seed and the order of first appearance.
 * The creator closes it; closing drops what is on its way.
 */
export class WeakNetwork {
  readonly address: string
  readonly port: number
  readonly counters: Readonly<Record<Direction, DirectionCounters>> = { up: noTraffic(), down: noTraffic() }
  readonly #options: WeakNetworkOptions
  readonly #socket: Socket
  readonly #links = new Map<string, Link>()
  readonly #queue = new DeliveryQueue()
  #impairments: { up: Impairment; down: Impairment }
  #cut = { up: false, down: false }
  #nextLink = 0
  #closed = false

  constructor(options: WeakNetworkOptions, socket: Socket) {
    this.#options = options
    this.#impairments = { up: options.up ?? {}, down: options.down ?? {} }
    this.#socket = socket
    const bound: AddressInfo = socket.address()
    this.address = bound.address
    this.port = bound.port
    socket.on('message', (datagram, source) => this.#fromClient(datagram, source))
  }

  /** Replaces one or both directions for datagrams to come. */
  change(impairments: { readonly up?: Impairment; readonly down?: Impairment }): void {
    this.#impairments = { ...this.#impairments, ...impairments }
    for (const link of this.#links.values()) {
      link.up.change(this.#impairments.up)
      link.down.change(this.#impairments.down)
    }
  }

  /** Lets nothing through, by default both ways. */
  cut(directions: readonly Direction[] = ['up', 'down']): void {
    this.#setCut(directions, true)
  }

  heal(directions: readonly Direction[] = ['up', 'down']): void {
    this.#setCut(directions, false)
  }

  /** Gives every client a new source address towards the target, as a NAT that lost its bindings does. */
  rebind(): void {
    for (const [key, link] of [...this.#links]) {
      link.upstream.close()
      this.#links.set(key, { ...link, upstream: this.#openUpstream(key) })
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#queue.close()
    this.#socket.close()
    for (const { upstream } of this.#links.values()) upstream.close()
    this.#links.clear()
  }

  #setCut(directions: readonly Direction[], cut: boolean): void {
    for (const direction of directions) {
      this.#cut[direction] = cut
      for (const link of this.#links.values()) link[direction].setCut(cut)
    }
  }

  #fromClient(datagram: Buffer, source: RemoteInfo): void {
    const key = `${source.address} ${source.port}`
    const link = this.#links.get(key) ?? this.#openLink(key)
    if (!link) return
    this.#carry('up', link.up, datagram, () => {
      const { upstream } = this.#links.get(key) ?? link
      upstream.send(datagram, this.#options.target.port, this.#options.target.address, ignoreSendError)
    })
  }

  #openLink(key: string): Link | undefined {
    if (this.#links.size >= (this.#options.maxSources ?? 1_024)) return undefined
    const seed = (this.#options.seed ?? 1) * 65_537 + this.#nextLink++ * 2
    const link = {
      upstream: this.#openUpstream(key),
      up: new ImpairmentModel(this.#impairments.up, { seed }),
      down: new ImpairmentModel(this.#impairments.down, { seed: seed + 1 }),
    }
    link.up.setCut(this.#cut.up)
    link.down.setCut(this.#cut.down)
    this.#links.set(key, link)
    return link
  }

  #openUpstream(key: string): Socket {
    const [address, port] = key.split(' ')
    const upstream = openSocket(this.#options.target.address)
    upstream.on('message', (datagram) => {
      const link = this.#links.get(key)
      if (!link) return
      this.#carry('down', link.down, datagram, () => {
        this.#socket.send(datagram, Number(port), address, ignoreSendError)
      })
    })
    return upstream
  }

  #carry(direction: Direction, model: ImpairmentModel, datagram: Buffer, send: () => void): void {
    const counters = this.counters[direction]
    counters.received++
    counters.receivedBytes += datagram.length
    const fate = model.decide(performance.now(), datagram.length)
    if (fate.kind === 'dropped') {
      if (fate.reason === 'cut') counters.cut++
      else if (fate.reason === 'loss') counters.lost++
      else counters.overflowed++
      return
    }
    if (fate.reordered) counters.reordered++
    counters.duplicated += fate.atMs.length - 1
    for (const atMs of fate.atMs) {
      this.#queue.schedule(atMs, () => {
        counters.delivered++
        counters.deliveredBytes += datagram.length
        send()
      })
    }
  }
}

/** Opens a relay towards the target; send to its `address` and `port` instead. Rejects when it cannot bind. */
export async function createWeakNetwork(options: WeakNetworkOptions): Promise<WeakNetwork> {
  const loopback = isIPv6(options.target.address) ? '::1' : '127.0.0.1'
  const socket = openSocket(options.target.address)
  socket.bind(0, options.address ?? loopback)
  await once(socket, 'listening')
  socket.setRecvBufferSize(SOCKET_BUFFER_BYTES)
  return new WeakNetwork(options, socket)
}

function openSocket(target: string): Socket {
  const socket = createSocket({ type: isIPv6(target) ? 'udp6' : 'udp4', recvBufferSize: SOCKET_BUFFER_BYTES })
  // A target that went away answers with ICMP; to a relay that is one more way of losing datagrams.
  socket.on('error', () => {})
  return socket
}

function ignoreSendError(): void {}
