import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolViolation } from '../violation.ts'
import { crc32c } from './crc32c.ts'
import {
  parseDataChannelControl,
  parseSctp,
  type SctpChunk,
  serializeDataChannelControl,
  serializeSctp,
} from './index.ts'

const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 })
const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const parameters = fc.array(fc.record({ kind: u16, value: fc.uint8Array({ maxLength: 21 }) }), {
  maxLength: 4,
})
const chunk = fc.oneof(
  fc.record({
    ...{ type: fc.constant('data' as const), tsn: u32, stream: u16, sequence: u16, protocol: u32 },
    ...{ beginning: fc.boolean(), ending: fc.boolean(), unordered: fc.boolean(), immediate: fc.boolean() },
    payload: bytes,
  }),
  fc.record({
    ...{ type: fc.constantFrom('init' as const, 'init-ack' as const), tag: u32, window: u32, parameters },
    ...{ outboundStreams: u16, inboundStreams: u16, initialTsn: u32 },
  }),
  fc.record({
    ...{ type: fc.constant('sack' as const), cumulative: u32, window: u32 },
    gaps: fc.array(fc.tuple(u16, u16), { maxLength: 5 }),
    duplicates: fc.array(u32, { maxLength: 5 }),
  }),
  fc.record({
    ...{ type: fc.constant('forward-tsn' as const), cumulative: u32 },
    streams: fc.array(fc.tuple(u16, u16), { maxLength: 5 }),
  }),
  fc.record({ type: fc.constantFrom('heartbeat' as const, 'heartbeat-ack' as const), info: bytes }),
  fc.record({
    type: fc.constantFrom('abort' as const, 'shutdown-complete' as const),
    reflected: fc.boolean(),
  }),
  fc.record({ type: fc.constantFrom('shutdown-ack' as const, 'cookie-ack' as const, 'error' as const) }),
  fc.record({ type: fc.constant('shutdown' as const), cumulative: u32 }),
  fc.record({ type: fc.constant('cookie-echo' as const), cookie: bytes }),
  fc.record({ type: fc.constant('reconfig' as const), parameters }),
)

describe('SCTP packets', () => {
  it('carry the checksum of RFC 9260, appendix A (the vectors of RFC 3720, appendix B.4)', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index))).toBe(0x46dd794e)
  })

  it('are read as they were written', () => {
    fc.assert(
      fc.property(u32, fc.array(chunk, { minLength: 1, maxLength: 4 }), (verificationTag, chunks) => {
        const packet = {
          sourcePort: 5000,
          destinationPort: 5001,
          verificationTag,
          chunks: chunks as SctpChunk[],
        }
        expect(parseSctp(serializeSctp(packet))).toEqual(packet)
      }),
    )
  })

  it('cut, changed or made up are violations and nothing else', () => {
    const whole = serializeSctp({
      ...{ sourcePort: 5000, destinationPort: 5000, verificationTag: 7 },
      chunks: [{ type: 'cookie-ack' }, { type: 'heartbeat', info: Uint8Array.of(1, 2, 3, 4) }],
    })
    for (let length = 0; length < whole.length; length++) {
      expect(() => parseSctp(whole.subarray(0, length))).toThrow(ProtocolViolation)
    }
    for (let at = 0; at < whole.length; at++) {
      const changed = Uint8Array.from(whole)
      changed[at] = (changed[at] ?? 0) ^ 0x40
      expect(() => parseSctp(changed)).toThrow(ProtocolViolation)
    }
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 400 }), (noise) => {
        noise.fill(0, 8, 12)
        new DataView(noise.buffer).setUint32(8, crc32c(noise), true)
        try {
          parseSctp(noise)
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolViolation)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('skip chunks nobody knows as their type says (section 3.2)', () => {
    const known = { type: 'cookie-ack' } as const
    const made = serializeSctp({
      ...{ sourcePort: 1, destinationPort: 2, verificationTag: 3 },
      chunks: [{ type: 'heartbeat', info: new Uint8Array() }, known],
    })
    for (const [kind, left] of [
      [0xbf, [known]],
      [0x3f, []],
    ] as const) {
      const packet = Uint8Array.from(made)
      packet[12] = kind
      packet.fill(0, 8, 12)
      new DataView(packet.buffer).setUint32(8, crc32c(packet), true)
      expect(parseSctp(packet).chunks).toEqual(left)
    }
  })
})

describe('data channel establishment (RFC 8832)', () => {
  it('is read as it was written', () => {
    for (const reliability of [{}, { maxRetransmits: 0 }, { maxRetransmits: 3 }, { maxLifetimeMs: 500 }]) {
      for (const ordered of [true, false]) {
        const channel = { label: 'Größe', protocol: 'p', ordered, priority: 256, ...reliability }
        const control = { type: 'open', channel } as const
        expect(parseDataChannelControl(serializeDataChannelControl(control))).toEqual(control)
      }
    }
    expect(parseDataChannelControl(serializeDataChannelControl({ type: 'ack' }))).toEqual({ type: 'ack' })
  })

  it('knows no other error than a violation', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        try {
          parseDataChannelControl(noise)
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolViolation)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
