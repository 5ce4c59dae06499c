import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto'
import { ProtocolViolation } from '@parley/protocols/violation'
import type { SrtpMasterKey, SrtpProfile } from '../dtls/index.ts'
import { ReplayWindow } from '../replay-window.ts'
import { deriveSessionKeys, type SrtpSessionKeys, type StreamKeys } from './key-derivation.ts'

const RTCP_HEADER_LENGTH = 8
const INDEX_LENGTH = 4
const ENCRYPTED = 0x80000000
const HMAC_TAG_LENGTH = 10
const GCM_TAG_LENGTH = 16

/** Where one SSRC stands: its 48-bit index, and what arrived within the window below it. */
class StreamState extends ReplayWindow {
  /** The index nearest to the highest one (RFC 3711 section 3.3.1). */
  estimate(sequenceNumber: number): number {
    if (this.highest < 0) return sequenceNumber
    const rollover = Math.floor(this.highest / 65_536)
    const distance = sequenceNumber - (this.highest % 65_536)
    if (distance > 32_768 && rollover > 0) return (rollover - 1) * 65_536 + sequenceNumber
    if (distance < -32_768) return (rollover + 1) * 65_536 + sequenceNumber
    return rollover * 65_536 + sequenceNumber
  }
}

class Streams {
  readonly #states = new Map<number, StreamState>()

  of(ssrc: number): StreamState {
    const state = this.#states.get(ssrc) ?? new StreamState()
    this.#states.set(ssrc, state)
    return state
  }
}

/**
 * SRTP and SRTCP of one association (RFC 3711, RFC 7714): one key for what goes out, one for what comes in. Rollover
 * counters start at zero. Incoming packets that are forged, damaged, repeated or too old come out as undefined.
 */
export class SrtpSession {
  readonly #aead: boolean
  readonly #local: SrtpSessionKeys
  readonly #remote: SrtpSessionKeys
  readonly #sent = new Streams()
  readonly #received = new Streams()
  readonly #receivedRtcp = new Streams()
  #nextRtcpIndex = 1

  constructor(options: {
    readonly profile: SrtpProfile
    readonly local: SrtpMasterKey | SrtpSessionKeys
    readonly remote: SrtpMasterKey | SrtpSessionKeys
  }) {
    const { profile, local, remote } = options
    this.#aead = profile === 'AEAD_AES_128_GCM'
    this.#local = 'rtp' in local ? local : deriveSessionKeys(profile, local)
    this.#remote = 'rtp' in remote ? remote : deriveSessionKeys(profile, remote)
  }

  protectRtp(packet: Uint8Array): Buffer {
    const header = rtpHeaderLength(packet)
    if (header === undefined) throw new ProtocolViolation('srtp', 'not an RTP packet')
    const view = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength)
    const ssrc = view.readUInt32BE(8)
    const state = this.#sent.of(ssrc)
    const index = state.estimate(view.readUInt16BE(2))
    state.accept(index)
    const keys = this.#local.rtp
    if (this.#aead) {
      const cipher = createCipheriv('aes-128-gcm', keys.key, gcmNonce(keys, ssrc, index))
      cipher.setAAD(view.subarray(0, header))
      const sealed = cipher.update(view.subarray(header))
      cipher.final()
      return Buffer.concat([view.subarray(0, header), sealed, cipher.getAuthTag()])
    }
    const encrypted = createCipheriv('aes-128-ctr', keys.key, counterBlock(keys, ssrc, index)).update(
      view.subarray(header),
    )
    const body = Buffer.concat([view.subarray(0, header), encrypted])
    return Buffer.concat([body, authenticate(keys, body, Math.floor(index / 65_536))])
  }

  unprotectRtp(packet: Uint8Array): Buffer | undefined {
    const view = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength)
    const header = rtpHeaderLength(packet)
    const end = packet.length - (this.#aead ? GCM_TAG_LENGTH : HMAC_TAG_LENGTH)
    if (header === undefined || end < header) return undefined
    const ssrc = view.readUInt32BE(8)
    const state = this.#received.of(ssrc)
    const index = state.estimate(view.readUInt16BE(2))
    if (state.isReplayed(index)) return undefined
    const keys = this.#remote.rtp
    let payload: Buffer | undefined
    if (this.#aead) {
      const nonce = gcmNonce(keys, ssrc, index)
      payload = openGcm(keys, nonce, [view.subarray(0, header)], view.subarray(header))
    } else {
      const body = view.subarray(0, end)
      if (!timingSafeEqual(authenticate(keys, body, Math.floor(index / 65_536)), view.subarray(end)))
        return undefined
      payload = createDecipheriv('aes-128-ctr', keys.key, counterBlock(keys, ssrc, index)).update(
        body.subarray(header),
      )
    }
    if (!payload) return undefined
    state.accept(index)
    return Buffer.concat([view.subarray(0, header), payload])
  }

  protectRtcp(packet: Uint8Array): Buffer {
    return this.sealRtcp(packet, this.#nextRtcpIndex++)
  }

  /** The packet under a given SRTCP index: the form the vectors of RFC 7714 take. */
  sealRtcp(packet: Uint8Array, index: number): Buffer {
    const view = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength)
    if (view.length < RTCP_HEADER_LENGTH) throw new ProtocolViolation('srtp', 'not an RTCP packet')
    const header = view.subarray(0, RTCP_HEADER_LENGTH)
    const ssrc = view.readUInt32BE(4)
    const keys = this.#local.rtcp
    const trailer = Buffer.alloc(INDEX_LENGTH)
    trailer.writeUInt32BE((ENCRYPTED | index) >>> 0)
    if (this.#aead) {
      const cipher = createCipheriv('aes-128-gcm', keys.key, gcmNonce(keys, ssrc, index))
      cipher.setAAD(Buffer.concat([header, trailer]))
      const sealed = cipher.update(view.subarray(RTCP_HEADER_LENGTH))
      cipher.final()
      return Buffer.concat([header, sealed, cipher.getAuthTag(), trailer])
    }
    const cipher = createCipheriv('aes-128-ctr', keys.key, counterBlock(keys, ssrc, index))
    const body = Buffer.concat([header, cipher.update(view.subarray(RTCP_HEADER_LENGTH)), trailer])
    return Buffer.concat([body, authenticate(keys, body)])
  }

  unprotectRtcp(packet: Uint8Array): Buffer | undefined {
    const view = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength)
    const tagLength = this.#aead ? GCM_TAG_LENGTH : HMAC_TAG_LENGTH
    if (view.length < RTCP_HEADER_LENGTH + INDEX_LENGTH + tagLength) return undefined
    const header = view.subarray(0, RTCP_HEADER_LENGTH)
    const ssrc = view.readUInt32BE(4)
    const trailerAt = this.#aead ? view.length - INDEX_LENGTH : view.length - tagLength - INDEX_LENGTH
    const trailer = view.subarray(trailerAt, trailerAt + INDEX_LENGTH)
    const word = trailer.readUInt32BE()
    // Both profiles encrypt; a packet in the clear is not from our peer.
    if (word < ENCRYPTED) return undefined
    const index = word - ENCRYPTED
    const state = this.#receivedRtcp.of(ssrc)
    if (state.isReplayed(index)) return undefined
    const keys = this.#remote.rtcp
    let payload: Buffer | undefined
    if (this.#aead) {
      const nonce = gcmNonce(keys, ssrc, index)
      payload = openGcm(keys, nonce, [header, trailer], view.subarray(RTCP_HEADER_LENGTH, trailerAt))
    } else {
      const body = view.subarray(0, view.length - tagLength)
      if (!timingSafeEqual(authenticate(keys, body), view.subarray(view.length - tagLength))) return undefined
      const sealed = view.subarray(RTCP_HEADER_LENGTH, trailerAt)
      payload = createDecipheriv('aes-128-ctr', keys.key, counterBlock(keys, ssrc, index)).update(sealed)
    }
    if (!payload) return undefined
    state.accept(index)
    return Buffer.concat([header, payload])
  }
}

function rtpHeaderLength(packet: Uint8Array): number | undefined {
  const first = packet[0] ?? 0
  let length = 12 + (first & 0x0f) * 4
  if (packet.length < length || first >> 6 !== 2) return undefined
  if (first & 0x10) {
    if (packet.length < length + 4) return undefined
    length += 4 + (((packet[length + 2] ?? 0) << 8) | (packet[length + 3] ?? 0)) * 4
  }
  return packet.length < length ? undefined : length
}

/** RFC 3711 section 4.1.1: salt, SSRC and index, each in its place of the counter block. */
function counterBlock(keys: StreamKeys, ssrc: number, index: number): Buffer {
  const block = Buffer.alloc(16)
  block.writeUInt32BE(ssrc, 4)
  block.writeUIntBE(index, 8, 6)
  for (let at = 0; at < 14; at++) block[at] = (block[at] ?? 0) ^ (keys.salt[at] ?? 0)
  return block
}

/** RFC 7714 sections 8.1 and 9.1: the nonce of RTP and of RTCP has the same form. */
function gcmNonce(keys: StreamKeys, ssrc: number, index: number): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(ssrc, 2)
  nonce.writeUIntBE(index, 6, 6)
  for (let at = 0; at < 12; at++) nonce[at] = (nonce[at] ?? 0) ^ (keys.salt[at] ?? 0)
  return nonce
}

function openGcm(
  keys: StreamKeys,
  nonce: Buffer,
  clear: readonly Buffer[],
  sealed: Buffer,
): Buffer | undefined {
  const decipher = createDecipheriv('aes-128-gcm', keys.key, nonce)
  decipher.setAAD(clear.length === 1 && clear[0] ? clear[0] : Buffer.concat(clear))
  decipher.setAuthTag(sealed.subarray(sealed.length - GCM_TAG_LENGTH))
  const opened = decipher.update(sealed.subarray(0, sealed.length - GCM_TAG_LENGTH))
  try {
    decipher.final()
  } catch {
    return undefined
  }
  return opened
}

/** HMAC-SHA1-80; RTP also covers the rollover counter (RFC 3711 section 4.2). */
function authenticate(keys: StreamKeys, body: Buffer, rollover?: number): Buffer {
  const mac = createHmac('sha1', keys.authentication).update(body)
  if (rollover !== undefined) {
    const word = Buffer.alloc(4)
    word.writeUInt32BE(rollover)
    mac.update(word)
  }
  return mac.digest().subarray(0, HMAC_TAG_LENGTH)
}
