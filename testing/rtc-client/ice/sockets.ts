import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { once } from 'node:events'
import {
  type AddressInfo,
  connect,
  createServer,
  isIPv6,
  type Server,
  type Socket as StreamSocket,
} from 'node:net'
import type { DatagramPort, DatagramEndpoint as Endpoint } from './datagram-port.ts'
import { frameOnStream, StreamDeframer } from './stream-framing.ts'

/** One way to the peer. The same remote endpoint always gives the same object. */
export type IceLink = {
  readonly protocol: 'udp' | 'tcp'
  readonly remote: Endpoint & { readonly family: 4 | 6 }
  readonly send: (datagram: Uint8Array) => void
}

const SOCKET_BUFFER_BYTES = 2 * 1024 * 1024
/** A TCP path that does not drain loses packets, as a full queue does; it must not grow without end. */
const MAX_STREAM_BACKLOG = 1_000_000

/** The sockets of one ICE agent and the links over them. */
export class IceSockets {
  readonly #address: string | undefined
  readonly #port: DatagramPort | undefined
  readonly #onDatagram: (datagram: Buffer, link: IceLink, arrivalMs: number) => void
  readonly #links = new Map<string, IceLink>()
  readonly #udp = new Map<4 | 6, DatagramSocket>()
  readonly #streams = new Set<StreamSocket>()
  #server: Server | undefined
  #closed = false

  constructor(options: {
    readonly address?: string
    /** Instead of UDP sockets; a controlling agent's. Closed with these sockets. */
    readonly port?: DatagramPort
    readonly onDatagram: (datagram: Buffer, link: IceLink, arrivalMs: number) => void
  }) {
    this.#address = options.address
    this.#port = options.port
    this.#onDatagram = options.onDatagram
    this.#port?.open((datagram, source, arrivalMs) => {
      if (!this.#closed) this.#onDatagram(datagram, this.link('udp', source), arrivalMs)
    })
  }

  async listenUdp(): Promise<Endpoint> {
    const socket = this.#udpSocket(isIPv6(this.#address ?? '') ? 6 : 4)
    await once(socket, 'listening')
    const { address, port } = socket.address()
    return { address, port }
  }

  async listenTcp(): Promise<Endpoint> {
    const server = createServer((stream) => this.#adopt(stream))
    this.#server = server
    server.listen(0, this.#address)
    await once(server, 'listening')
    const { address, port } = server.address() as AddressInfo
    return { address, port }
  }

  link(protocol: 'udp' | 'tcp', endpoint: Endpoint): IceLink {
    const key = `${protocol} ${endpoint.address} ${endpoint.port}`
    const known = this.#links.get(key)
    if (known) return known
    const link = protocol === 'udp' ? this.#udpLink(endpoint) : this.#tcpLink(endpoint)
    this.#links.set(key, link)
    return link
  }

  /** Goes on from other local ports, as after a change of network. */
  rebindUdp(): void {
    for (const socket of this.#udp.values()) socket.close()
    this.#udp.clear()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const socket of this.#udp.values()) socket.close()
    this.#port?.close()
    for (const stream of this.#streams) stream.destroy()
    this.#server?.close()
    this.#links.clear()
  }

  #udpSocket(family: 4 | 6): DatagramSocket {
    const known = this.#udp.get(family)
    if (known) return known
    const type = family === 4 ? 'udp4' : 'udp6'
    const socket = createSocket({ type, recvBufferSize: SOCKET_BUFFER_BYTES })
    socket.on('error', () => {})
    socket.on('message', (datagram, source) =>
      this.#onDatagram(datagram, this.link('udp', source), performance.now()),
    )
    socket.bind(0, this.#address)
    this.#udp.set(family, socket)
    return socket
  }

  #udpLink({ address, port }: Endpoint): IceLink {
    const family = isIPv6(address) ? 6 : 4
    // A scope id says which interface of ours; it is no part of the address.
    const remote = { address: address.replace(/%.*/, ''), port, family } as const
    const shared = this.#port
    if (shared) return { protocol: 'udp', remote, send: (datagram) => shared.send(datagram, remote) }
    this.#udpSocket(family)
    return {
      protocol: 'udp',
      remote,
      send: (datagram) => {
        if (!this.#closed) this.#udpSocket(family).send(datagram, port, address, ignoreSendError)
      },
    }
  }

  #tcpLink({ address, port }: Endpoint): IceLink {
    return this.#streamLink(connect({ host: address, port }), { address, port })
  }

  #adopt(stream: StreamSocket): void {
    const endpoint = { address: stream.remoteAddress ?? '', port: stream.remotePort ?? 0 }
    this.#links.set(`tcp ${endpoint.address} ${endpoint.port}`, this.#streamLink(stream, endpoint))
  }

  #streamLink(stream: StreamSocket, { address, port }: Endpoint): IceLink {
    const deframer = new StreamDeframer()
    const link: IceLink = {
      protocol: 'tcp',
      remote: { address, port, family: isIPv6(address) ? 6 : 4 },
      send: (datagram) => {
        if (!stream.writable || stream.writableLength > MAX_STREAM_BACKLOG) return
        stream.write(frameOnStream(datagram))
      },
    }
    this.#streams.add(stream)
    stream.setNoDelay()
    stream.on('data', (chunk: Buffer) => {
      for (const packet of deframer.push(chunk)) this.#onDatagram(packet, link, performance.now())
    })
    stream.on('error', () => {})
    stream.on('close', () => this.#streams.delete(stream))
    return link
  }
}

function ignoreSendError(): void {}
