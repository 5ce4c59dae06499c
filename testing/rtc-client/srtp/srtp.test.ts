import { randomBytes } from 'node:crypto'
import { serializeRtcp } from '@parley/protocols/rtcp'
import { serializeRtp } from '@parley/protocols/rtp'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SrtpProfile } from '../dtls/index.ts'
import { deriveSessionKeys, SrtpSession } from './index.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
const PROFILES: readonly SrtpProfile[] = ['AEAD_AES_128_GCM', 'AES128_CM_HMAC_SHA1_80']

const master = (profile: SrtpProfile) => {
  return { key: randomBytes(16), salt: randomBytes(profile === 'AEAD_AES_128_GCM' ? 12 : 14) }
}

function pair(profile: SrtpProfile) {
  const [one, two] = [master(profile), master(profile)]
  return {
    sender: new SrtpSession({ profile, local: one, remote: two }),
    receiver: new SrtpSession({ profile, local: two, remote: one }),
  }
}

const rtp = (sequenceNumber: number, payload: Uint8Array = Buffer.from('payload'), extended = false) =>
  serializeRtp({
    marker: false,
    payloadType: 96,
    sequenceNumber: sequenceNumber & 0xffff,
    timestamp: 1,
    ssrc: 0xdecafbad,
    csrcs: [],
    extensions: new Map(extended ? [[1, Uint8Array.of(1)]] : []),
    payload,
    paddingLength: 0,
  })

test('RFC 3711 B.3: key derivation', () => {
  const keys = deriveSessionKeys('AES128_CM_HMAC_SHA1_80', {
    key: hex('E1F97A0D3E018BE0D64FA32C06DE4139'),
    salt: hex('0EC675AD498AFEEBB6960B3AABE6'),
  })
  expect(keys.rtp.key).toEqual(hex('C61E7A93744F39EE10734AFE3FF7A087'))
  expect(keys.rtp.salt).toEqual(hex('30CBBC08863D8C85D49DB34A9AE1'))
  expect(keys.rtp.authentication).toEqual(hex('CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4'))
})

describe('RFC 7714 section 16 and 17', () => {
  const stream = {
    key: hex('000102030405060708090a0b0c0d0e0f'),
    salt: Buffer.from('Quid pro quo'),
    authentication: Buffer.alloc(0),
  }
  const session = new SrtpSession({
    profile: 'AEAD_AES_128_GCM',
    local: { rtp: stream, rtcp: stream },
    remote: { rtp: stream, rtcp: stream },
  })

  test('16.1.1: SRTP with AEAD_AES_128_GCM', () => {
    const plain =
      hex(`8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070
      61727465 73207472 6573`)
    const sealed =
      hex(`8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a
      51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce`)
    expect(session.protectRtp(plain)).toEqual(sealed)
    expect(session.unprotectRtp(sealed)).toEqual(plain)
  })

  test('17.1: SRTCP with AEAD_AES_128_GCM', () => {
    const plain =
      hex(`81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef
      deadbeef deadbeef deadbeef`)
    const sealed =
      hex(`81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda
      4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4`)
    expect(session.sealRtcp(plain, 0x5d4)).toEqual(sealed)
    expect(session.unprotectRtcp(sealed)).toEqual(plain)
  })
})

describe.each(PROFILES)('%s', (profile) => {
  test('RTP and RTCP survive, with and without header extension', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 1200 }),
        fc.boolean(),
        fc.nat(0xffff),
        (payload, extended, sequence) => {
          const { sender, receiver } = pair(profile)
          const packet = rtp(sequence, payload, extended)
          expect(receiver.unprotectRtp(sender.protectRtp(packet))).toEqual(Buffer.from(packet))
          const report = serializeRtcp([{ type: 'picture-loss', senderSsrc: sequence, mediaSsrc: 2 }])
          expect(receiver.unprotectRtcp(sender.protectRtcp(report))).toEqual(Buffer.from(report))
        },
      ),
      { numRuns: 50 },
    )
  })

  test('one changed bit anywhere, a replay, and a packet of another association are dropped', () => {
    const { sender, receiver } = pair(profile)
    const sealed = sender.protectRtp(rtp(1))
    const report = sender.protectRtcp(serializeRtcp([{ type: 'picture-loss', senderSsrc: 1, mediaSsrc: 2 }]))
    for (let at = 0; at < sealed.length; at++) {
      const forged = Buffer.from(sealed)
      forged[at] = (forged[at] ?? 0) ^ 1
      expect(receiver.unprotectRtp(forged)).toBeUndefined()
    }
    for (let at = 0; at < report.length; at++) {
      const forged = Buffer.from(report)
      forged[at] = (forged[at] ?? 0) ^ 1
      expect(receiver.unprotectRtcp(forged)).toBeUndefined()
    }
    expect(pair(profile).receiver.unprotectRtp(sealed)).toBeUndefined()
    expect(receiver.unprotectRtp(sealed)).toBeDefined()
    expect(receiver.unprotectRtp(sealed)).toBeUndefined()
    expect(receiver.unprotectRtcp(report)).toBeDefined()
    expect(receiver.unprotectRtcp(report)).toBeUndefined()
  })

  test('the rollover counter follows several wraps, also with gaps and late packets around them', () => {
    const { sender, receiver } = pair(profile)
    for (let sequence = 60_000; sequence < 300_000; sequence += 4_001) {
      const late = sender.protectRtp(rtp(sequence))
      const newer = sender.protectRtp(rtp(sequence + 500))
      expect(receiver.unprotectRtp(newer)).toBeDefined()
      expect(receiver.unprotectRtp(late)).toEqual(Buffer.from(rtp(sequence)))
    }
  })
})

test('random bytes are dropped', () => {
  const { receiver } = pair('AEAD_AES_128_GCM')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(receiver.unprotectRtp(bytes)).toBeUndefined()
      expect(receiver.unprotectRtcp(bytes)).toBeUndefined()
    }),
  )
})
