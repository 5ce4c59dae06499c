import { createHmac, randomBytes } from 'node:crypto'
import {
  type CoreOptions,
  type CorePacket,
  FastpathCore,
  type NativeAddon,
  type NativeSrtp,
  type Transport,
  type TransportOptions,
} from '../src/index.ts'

export type RtpFields = {
  payloadType: number
  sequence: number
  timestamp: number
  ssrc: number
  marker?: boolean
  /** Elements of the one-byte form. */
  extensions?: readonly (readonly [id: number, value: Uint8Array])[]
  /** Instead of those, elements of the two-byte form. */
  wideExtensions?: readonly (readonly [id: number, value: Uint8Array])[]
  payload: Uint8Array
  padding?: number
}

export function writeRtp(fields: RtpFields): Uint8Array {
  const wide = fields.wideExtensions !== undefined
  const elements = wide
    ? (fields.wideExtensions ?? []).flatMap(([id, value]) => [id, value.length, ...value])
    : (fields.extensions ?? []).flatMap(([id, value]) => [(id << 4) | (value.length - 1), ...value])
  while (elements.length % 4) elements.push(0)
  const padding = fields.padding ?? 0
  const header = Buffer.alloc(12)
  header[0] = 0x80 | (elements.length ? 0x10 : 0) | (padding ? 0x20 : 0)
  header[1] = (fields.marker ? 0x80 : 0) | fields.payloadType
  header.writeUInt16BE(fields.sequence & 0xffff, 2)
  header.writeUInt32BE(fields.timestamp >>> 0, 4)
  header.writeUInt32BE(fields.ssrc >>> 0, 8)
  const block = elements.length
    ? Buffer.from([...(wide ? [0x10, 0] : [0xbe, 0xde]), 0, elements.length / 4, ...elements])
    : Buffer.alloc(0)
  const tail = Buffer.alloc(padding)
  if (padding) tail[padding - 1] = padding
  return Uint8Array.from(Buffer.concat([header, block, fields.payload, tail]))
}

export function readRtp(bytes: Uint8Array): RtpFields & { extension: Map<number, Uint8Array> } {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 12 + ((view[0] ?? 0) & 15) * 4
  const extension = new Map<number, Uint8Array>()
  if ((view[0] ?? 0) & 0x10) {
    const end = at + 4 + view.readUInt16BE(at + 2) * 4
    const oneByte = view.readUInt16BE(at) === 0xbede
    let walk = at + 4
    while (walk < end) {
      const head = view[walk] ?? 0
      if (head === 0) {
        walk += 1
        continue
      }
      const id = oneByte ? head >> 4 : head
      const size = oneByte ? (head & 15) + 1 : (view[walk + 1] ?? 0)
      walk += oneByte ? 1 : 2
      extension.set(id, Uint8Array.from(view.subarray(walk, walk + size)))
      walk += size
    }
    at = end
  }
  const padding = (view[0] ?? 0) & 0x20 ? (view[view.length - 1] ?? 0) : 0
  return {
    payloadType: (view[1] ?? 0) & 0x7f,
    marker: ((view[1] ?? 0) & 0x80) !== 0,
    sequence: view.readUInt16BE(2),
    timestamp: view.readUInt32BE(4),
    ssrc: view.readUInt32BE(8),
    extension,
    padding,
    payload: Uint8Array.from(view.subarray(at, view.length - padding)),
  }
}

export type Rtcp = { type: number; count: number; ssrc: number; body: Buffer }

export function readRtcp(bytes: Uint8Array): Rtcp[] {
  const all = Buffer.from(bytes)
  const packets: Rtcp[] = []
  for (let at = 0; at + 4 <= all.length; ) {
    const size = (all.readUInt16BE(at + 2) + 1) * 4
    const head = all[at] ?? 0
    packets.push({
      type: all[at + 1] ?? 0,
      count: head & 31,
      ssrc: size >= 8 ? all.readUInt32BE(at + 4) : 0,
      body: all.subarray(at + 8, at + size),
    })
    at += size
  }
  return packets
}

export function writeRtcp(type: number, count: number, ssrc: number, body: Uint8Array): Uint8Array {
  const head = Buffer.alloc(8)
  head[0] = 0x80 | count
  head[1] = type
  head.writeUInt16BE(body.length / 4 + 1, 2)
  head.writeUInt32BE(ssrc, 4)
  return Uint8Array.from(Buffer.concat([head, body]))
}

export function writeNack(media: number, sequences: readonly number[]): Uint8Array {
  const body = Buffer.alloc(4 + sequences.length * 4)
  body.writeUInt32BE(media, 0)
  for (const [index, sequence] of sequences.entries()) body.writeUInt16BE(sequence, 4 + index * 4)
  return writeRtcp(205, 1, 1, body)
}

/** Transport-wide feedback (RTCP 205/15) about consecutive numbers, without times; 14 at most. */
export function writeVerdicts(first: number, arrived: readonly boolean[]): Uint8Array {
  const fci = Buffer.alloc(12)
  fci.writeUInt16BE(first & 0xffff, 0)
  fci.writeUInt16BE(arrived.length, 2)
  const bits = arrived.reduce((sum, one, index) => sum | (one ? 0x2000 >> index : 0), 0)
  fci.writeUInt16BE(0x8000 | bits, 8)
  return writeRtcp(205, 15, 1, Buffer.concat([Buffer.alloc(4), fci]))
}

export function writePli(media: number): Uint8Array {
  const body = Buffer.alloc(4)
  body.writeUInt32BE(media, 0)
  return writeRtcp(206, 1, 1, body)
}

/** Sequence numbers asked for by a generic NACK. */
export function nackedBy(packet: Rtcp): number[] {
  const found: number[] = []
  for (let at = 4; at + 4 <= packet.body.length; at += 4) {
    const first = packet.body.readUInt16BE(at)
    const mask = packet.body.readUInt16BE(at + 2)
    found.push(first)
    for (let bit = 0; bit < 16; bit++) if ((mask >> bit) & 1) found.push((first + bit + 1) & 0xffff)
  }
  return found
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return ~crc >>> 0
}

export type BindingOptions = {
  username: string
  password: string
  useCandidate?: boolean
  controlled?: boolean
  transactionId?: Uint8Array
  fingerprint?: boolean
}

/** A binding request (or, with `type`, a success response) with integrity and fingerprint. */
export function writeBinding(options: BindingOptions, type = 0x0001): Uint8Array {
  const transaction = options.transactionId ?? randomBytes(12)
  const attributes: Buffer[] = []
  const attribute = (kind: number, value: Uint8Array) => {
    const head = Buffer.alloc(4)
    head.writeUInt16BE(kind, 0)
    head.writeUInt16BE(value.length, 2)
    attributes.push(head, Buffer.from(value), Buffer.alloc((4 - (value.length % 4)) % 4))
  }
  const message = (extra: number) => {
    const body = Buffer.concat(attributes)
    const head = Buffer.alloc(20)
    head.writeUInt16BE(type, 0)
    head.writeUInt16BE(body.length + extra, 2)
    head.writeUInt32BE(0x2112a442, 4)
    head.set(transaction, 8)
    return Buffer.concat([head, body])
  }
  if (options.username) attribute(0x0006, Buffer.from(options.username))
  attribute(0x0024, Buffer.from([0x7e, 0, 0, 1]))
  attribute(options.controlled ? 0x8029 : 0x802a, Buffer.alloc(8, 7))
  if (options.useCandidate) attribute(0x0025, Buffer.alloc(0))
  attribute(0x0008, createHmac('sha1', options.password).update(message(24)).digest())
  if (options.fingerprint !== false) {
    const crc = Buffer.alloc(4)
    crc.writeUInt32BE((crc32(message(8)) ^ 0x5354554e) >>> 0, 0)
    attribute(0x8028, crc)
  }
  return Uint8Array.from(message(0))
}

/** VP8 payload with a 15-bit picture id, TL0PICIDX and layer id. */
export function vp8(options: {
  key?: boolean
  start?: boolean
  picture: number
  tl0?: number
  temporal?: number
  sync?: boolean
  size?: number
  width?: number
  height?: number
}): Uint8Array {
  const { key = false, start = true, picture, tl0 = 0, temporal = 0, sync = false, size = 100 } = options
  const { width = 640, height = 360 } = options
  const descriptor = [
    0x80 | (start ? 0x10 : 0),
    0xe0,
    0x80 | ((picture >> 8) & 0x7f),
    picture & 0xff,
    tl0 & 0xff,
    (temporal << 6) | (sync ? 0x20 : 0),
  ]
  const frame = Buffer.alloc(size, 0x55)
  frame[0] = key && start ? 0x10 : 0x11
  if (key && start) {
    frame.set([0x9d, 0x01, 0x2a, width & 0xff, width >> 8, height & 0xff, height >> 8], 3)
  }
  return Uint8Array.from([...descriptor, ...frame])
}

export function readVp8(payload: Uint8Array): {
  picture: number
  tl0: number
  temporal: number
  key: boolean
} {
  return {
    picture: (((payload[2] ?? 0) & 0x7f) << 8) | (payload[3] ?? 0),
    tl0: payload[4] ?? 0,
    temporal: (payload[5] ?? 0) >> 6,
    key: ((payload[0] ?? 0) & 0x10) !== 0 && ((payload[6] ?? 0) & 1) === 0,
  }
}

export type Received = {
  rtp: ReturnType<typeof readRtp>[]
  rtcp: Rtcp[]
  wire: Uint8Array[]
  /** The RTP packets of `rtp`, decrypted, whole. */
  plain: Uint8Array[]
}

/** A peer of the simulated SFU: its own core speaks DTLS, SRTP is applied packet by packet. */
export class SimulatedPeer {
  transport: Transport
  readonly own: FastpathCore
  readonly ownTransport: Transport
  address: string
  port: number
  /** @returns false to lose a packet on its way. */
  passes: (direction: 'to-sfu' | 'to-peer', packet: Uint8Array) => boolean = () => true
  srtp: NativeSrtp | undefined
  #inbox: Received = { rtp: [], rtcp: [], wire: [], plain: [] }
  readonly #world: Simulation

  constructor(world: Simulation, address: string, options: TransportOptions) {
    this.#world = world
    this.address = address
    this.port = 5000
    this.own = new FastpathCore(world.addon, { consentTimeoutMs: 1e12 })
    this.transport = world.sfu.createTransport(options)
    this.ownTransport = this.own.createTransport()
    this.transport.setRemote({
      dtlsRole: 'server',
      fingerprints: [this.own.fingerprint],
      iceUfrag: this.ownTransport.iceUfrag,
      icePwd: this.ownTransport.icePwd,
    })
    this.ownTransport.setRemote({ dtlsRole: 'client', fingerprints: [world.sfu.fingerprint] })
  }

  get inbox(): Received {
    return this.#inbox
  }

  takeInbox(): Received {
    const inbox = this.#inbox
    this.#inbox = { rtp: [], rtcp: [], wire: [], plain: [] }
    return inbox
  }

  bind(overrides: Partial<BindingOptions> = {}): void {
    this.send(
      writeBinding({
        username: `${this.transport.iceUfrag}:${this.ownTransport.iceUfrag}`,
        password: this.transport.icePwd,
        useCandidate: true,
        ...overrides,
      }),
    )
  }

  send(data: Uint8Array): void {
    if (!this.passes('to-sfu', data)) return
    this.#world.toSfu.push({ local: 0, address: this.address, port: this.port, data })
  }

  /** A sequence beyond 16 bits stands for its rollovers as well. */
  sendRtp(fields: RtpFields): void {
    const sealed = this.srtp?.protectRtp(writeRtp(fields), Math.floor(fields.sequence / 65536))
    if (sealed) this.send(sealed)
  }

  sendRtcp(compound: Uint8Array): void {
    const sealed = this.srtp?.protectRtcp(compound)
    if (sealed) this.send(sealed)
  }

  receive(data: Uint8Array): void {
    if (!this.passes('to-peer', data)) return
    const first = data[0] ?? 0
    if (first < 128) {
      this.#world.toPeers.push({ peer: this, data })
      return
    }
    this.#inbox.wire.push(data)
    const isRtcp = (data[1] ?? 0) >= 192 && (data[1] ?? 0) <= 223
    const plain = isRtcp ? this.srtp?.unprotectRtcp(data) : this.srtp?.unprotectRtp(data)
    if (!plain) return
    if (isRtcp) {
      this.#inbox.rtcp.push(...readRtcp(plain))
      return
    }
    this.#inbox.plain.push(plain)
    this.#inbox.rtp.push(readRtp(plain))
  }

  /** A fresh transport of the SFU for the same peer, as far as ICE. */
  rejoin(): void {
    this.transport = this.#world.sfu.createTransport()
    this.bind()
  }

  close(): void {
    this.own.close()
  }
}

const sfuAddress = '10.0.1.1'

/** An SFU core and its peers on one virtual clock. */
export class Simulation {
  readonly addon: NativeAddon
  readonly sfu: FastpathCore
  now = 1_000_000
  readonly toSfu: CorePacket[] = []
  readonly toPeers: { peer: SimulatedPeer; data: Uint8Array }[] = []
  readonly #peers: SimulatedPeer[] = []

  constructor(addon: NativeAddon, options: CoreOptions = {}) {
    this.addon = addon
    this.sfu = new FastpathCore(addon, options)
    this.sfu.step(this.now)
  }

  addPeer(options: TransportOptions = {}): SimulatedPeer {
    const peer = new SimulatedPeer(this, `10.0.0.${this.#peers.length + 1}`, options)
    this.#peers.push(peer)
    return peer
  }

  removePeer(peer: SimulatedPeer): void {
    this.#peers.splice(this.#peers.indexOf(peer), 1)
    peer.close()
  }

  /** A peer with ICE and DTLS done. */
  join(options: TransportOptions = {}): SimulatedPeer {
    const peer = this.addPeer(options)
    this.connect(peer)
    return peer
  }

  connect(peer: SimulatedPeer, milliseconds = 3000): void {
    peer.bind()
    this.toPeers.push({
      peer,
      data: writeBinding({
        username: `${peer.ownTransport.iceUfrag}:x`,
        password: peer.ownTransport.icePwd,
        useCandidate: true,
      }),
    })
    const end = this.now + milliseconds * 1000
    while (this.now < end && !(peer.transport.connected && peer.ownTransport.connected)) this.run(1)
    const keys = peer.own.srtpKeys(peer.ownTransport.id)
    if (keys) peer.srtp = this.addon.createSrtp(keys.profile, keys.local, keys.remote)
  }

  /** Lets time pass in steps of a millisecond, carrying packets both ways without delay. */
  run(milliseconds: number): void {
    for (let step = 0; step < milliseconds; step++) {
      this.now += 1000
      this.exchange()
    }
  }

  exchange(): void {
    do {
      for (const packet of this.sfu.step(this.now, this.toSfu.splice(0))) {
        this.#peers.find((p) => p.address === packet.address && p.port === packet.port)?.receive(packet.data)
      }
      const waiting = this.toPeers.splice(0)
      for (const peer of this.#peers) {
        const mine = waiting.filter((w) => w.peer === peer)
        const packets = mine.map((w) => ({ local: 0, address: sfuAddress, port: 4000, data: w.data }))
        for (const packet of peer.own.step(this.now, packets)) {
          if ((packet.data[0] ?? 0) >= 20 && (packet.data[0] ?? 0) < 128) peer.send(packet.data)
        }
      }
    } while (this.toSfu.length + this.toPeers.length > 0)
  }

  close(): void {
    for (const peer of this.#peers) peer.close()
    this.sfu.close()
  }
}
