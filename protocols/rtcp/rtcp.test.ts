import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProtocolViolation } from '../violation.ts'
import {
  ArrivalRecorder,
  arrivalTimes,
  compactNtp,
  parseRtcp,
  type RtcpPacket,
  roundTripMs,
  serializeRtcp,
  type TransportFeedback,
  toNtp,
} from './index.ts'

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

const u8 = fc.integer({ min: 0, max: 0xff })
const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffffffff })
const words = fc.nat(6).chain((count) => fc.uint8Array({ minLength: count * 4, maxLength: count * 4 }))
const ntp = fc.record({ seconds: u32, fraction: u32 })
const shortText = fc.string({ maxLength: 60 })
const feedback = { senderSsrc: u32, mediaSsrc: u32 }
const type = <T extends string>(name: T) => fc.constant(name)
const reports = fc.array(
  fc.record({
    ssrc: u32,
    fractionLost: u8,
    packetsLost: fc.integer({ min: -0x800000, max: 0x7fffff }),
    highestSequence: u32,
    jitter: u32,
    lastSenderReport: u32,
    delaySinceLastSenderReport: u32,
  }),
  { maxLength: 31 },
)
const delta = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 255 }) },
  { weight: 2, arbitrary: fc.integer({ min: -0x8000, max: 0x7fff }) },
  { weight: 3, arbitrary: fc.constant(null) },
)
const runs = fc
  .array(fc.tuple(delta, fc.integer({ min: 1, max: 40 })), { minLength: 1, maxLength: 12 })
  .map((parts) => parts.flatMap(([value, times]) => new Array<number | null>(times).fill(value)))
const transportFeedback: fc.Arbitrary<TransportFeedback> = fc.record({
  type: type('transport-feedback'),
  ...feedback,
  baseSequence: u16,
  referenceTime: fc.integer({ min: -0x800000, max: 0x7fffff }),
  feedbackCount: u8,
  deltas: fc.oneof(runs, fc.array(delta, { minLength: 1, maxLength: 60 })),
})
const packet: fc.Arbitrary<RtcpPacket> = fc.oneof(
  fc.record({
    type: type('sender-report'),
    ssrc: u32,
    ntp,
    rtpTimestamp: u32,
    packetCount: u32,
    octetCount: u32,
    reports,
  }),
  fc.record({ type: type('receiver-report'), ssrc: u32, reports }),
  fc.record({
    type: type('source-description'),
    chunks: fc.array(
      fc.record({
        ssrc: u32,
        items: fc.array(fc.record({ code: fc.integer({ min: 1, max: 255 }), value: shortText }), {
          maxLength: 3,
        }),
      }),
      { maxLength: 5 },
    ),
  }),
  fc.record(
    { type: type('goodbye'), ssrcs: fc.array(u32, { maxLength: 31 }), reason: shortText },
    { requiredKeys: ['type', 'ssrcs'] },
  ) as fc.Arbitrary<RtcpPacket>,
  fc.record({
    type: type('application-defined'),
    subtype: fc.nat(31),
    ssrc: u32,
    name: fc.constantFrom('PRLY', 'a-Z9'),
    data: words,
  }),
  fc.record({ type: type('picture-loss'), ...feedback }),
  fc.record({
    type: type('full-intra-request'),
    ...feedback,
    entries: fc.array(fc.record({ ssrc: u32, sequenceNumber: u8 }), { maxLength: 4 }),
  }),
  fc.record({
    type: type('receiver-estimate'),
    ...feedback,
    bitrate: fc.tuple(fc.nat(0x3ffff), fc.nat(20)).map(([mantissa, shift]) => mantissa * 2 ** shift),
    ssrcs: fc.array(u32, { maxLength: 8 }),
  }),
  fc.record({
    type: type('extended-report'),
    ssrc: u32,
    blocks: fc.array(
      fc.oneof(
        fc.record({ type: type('receiver-reference-time'), ntp }),
        fc.record({
          type: type('delay-since-last-receiver-report'),
          receivers: fc.array(fc.record({ ssrc: u32, lastReport: u32, delay: u32 }), { maxLength: 3 }),
        }),
        fc.record({ type: type('unknown'), code: fc.integer({ min: 8, max: 255 }), flags: u8, body: words }),
      ),
      { maxLength: 4 },
    ),
  }),
  transportFeedback,
  fc.record({
    type: type('unknown'),
    packetType: fc.constantFrom(192, 210, 223),
    count: fc.nat(31),
    body: words,
  }),
)

/** Byte arrays of different classes are equal when their bytes are. */
const plain = (value: unknown) =>
  JSON.parse(JSON.stringify(value, (_key, part) => (part instanceof Uint8Array ? toHex(part) : part)))

test('every compound packet survives the wire', () => {
  fc.assert(
    fc.property(fc.array(packet, { minLength: 1, maxLength: 5 }), (sent) => {
      const wire = serializeRtcp(sent)
      expect(wire.length % 4).toBe(0)
      expect(plain(parseRtcp(wire))).toEqual(plain(sent))
    }),
    { numRuns: 500 },
  )
})

test('random and damaged bytes end in packets or a ProtocolViolation', () => {
  const orViolation = (wire: Uint8Array) => {
    try {
      parseRtcp(wire)
    } catch (error) {
      expect(error).toBeInstanceOf(ProtocolViolation)
    }
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), orViolation), { numRuns: 2000 })
  fc.assert(
    fc.property(
      fc.array(packet, { minLength: 1, maxLength: 3 }),
      fc.nat(),
      u8,
      fc.nat(),
      (sent, at, value, cut) => {
        const wire = Uint8Array.from(serializeRtcp(sent))
        wire[at % wire.length] = value
        orViolation(wire)
        orViolation(wire.subarray(0, cut % (wire.length + 1)))
      },
    ),
    { numRuns: 1500 },
  )
})

test('RFC 4585: a NACK packs the sixteen numbers that follow, across the wrap', () => {
  const sequenceNumbers = [65_530, 65_534, 65_535, 0, 10, 11, 300]
  const wire = serializeRtcp([{ type: 'nack', senderSsrc: 1, mediaSsrc: 2, sequenceNumbers }])
  expect(toHex(wire)).toBe('81cd0005' + '00000001' + '00000002' + 'fffa8038' + '000b0000' + '012c0000')
  expect(parseRtcp(wire)).toEqual([{ type: 'nack', senderSsrc: 1, mediaSsrc: 2, sequenceNumbers }])
})

test('REMB: the bitrate is rounded down to eighteen leading bits', () => {
  const wire = serializeRtcp([
    { type: 'receiver-estimate', senderSsrc: 1, mediaSsrc: 0, bitrate: 2_500_001, ssrcs: [0xaabbccdd] },
  ])
  // 2,500,001 = 156,250 * 2^4 + 1
  expect(toHex(wire)).toBe('8fce0005' + '00000001' + '00000000' + '52454d42' + '0112625a' + 'aabbccdd')
  expect(parseRtcp(wire)).toMatchObject([{ bitrate: 2_500_000 }])
})

test('RFC 3550 section 6.4.1: the round trip of the worked example', () => {
  const block = { lastSenderReport: 0xb7052000, delaySinceLastSenderReport: 0x00054000 }
  expect(roundTripMs(block, { seconds: 0xb44db710, fraction: 0x80000000 })).toBe(6_125)
  expect(roundTripMs({ ...block, lastSenderReport: 0 }, toNtp(0))).toBeUndefined()
  expect(toNtp(0)).toEqual({ seconds: 2_208_988_800, fraction: 0 })
  expect(toNtp(500).fraction).toBe(0x80000000)
  expect(compactNtp({ seconds: 0x12345678, fraction: 0x9abcdef0 })).toBe(0x56789abc)
})

describe('transport-wide feedback', () => {
  const body = (text: string) => {
    const statuses = text.replaceAll(' ', '').padEnd(32, '0')
    return parseRtcp(hex(`8fcd0006 00000001 00000002 ${statuses}`))
  }

  test('a run of small deltas, then zero padding to the word', () => {
    const sent: TransportFeedback = {
      type: 'transport-feedback',
      senderSsrc: 1,
      mediaSsrc: 2,
      baseSequence: 0x0102,
      referenceTime: 0x030405,
      feedbackCount: 6,
      deltas: [4, 8, 12],
    }
    expect(toHex(serializeRtcp([sent]))).toBe(
      '8fcd0006' + '00000001' + '00000002' + '01020003' + '03040506' + '20030408' + '0c000000',
    )
  })

  test('a one-bit vector: the left-most bit is the first packet', () => {
    // S=0: 1 0 1 1 0..., five statuses
    expect(body('000a 0005 000001 00 ac00 01 02 03')).toMatchObject([
      { baseSequence: 10, deltas: [1, null, 2, 3, null] },
    ])
  })

  test('a two-bit vector with a negative delta', () => {
    // S=1: 01 00 10 01 ..., four statuses
    expect(body('000a 0004 000001 00 d240 05 fffe 07')).toMatchObject([{ deltas: [5, null, -2, 7] }])
  })

  test('the reference time is signed', () => {
    expect(body('0001 0001 ffffff 00 2001 00 00')).toMatchObject([{ referenceTime: -1, deltas: [0] }])
  })

  test('a run longer than the status count counts only as far as that, an empty run and status 3 are refused', () => {
    expect(body('0001 0002 000000 00 3fff 01 02')).toMatchObject([{ deltas: [1, 2] }])
    expect(() => body('0001 0002 000000 00 2000 01 02')).toThrow(ProtocolViolation)
    expect(() => body('0001 0002 000000 00 6002 01 02')).toThrow(ProtocolViolation)
  })

  test('alternating small and missing packets take one-bit vectors, two bytes each fourteen', () => {
    const deltas = Array.from({ length: 140 }, (_, index) => (index % 2 ? null : 1))
    const [base] = fc.sample(transportFeedback, 1)
    if (!base) throw new Error('no sample')
    expect(serializeRtcp([{ ...base, deltas }]).length).toBe(20 + 20 + 70 + 2)
  })

  const arrivals = fc.array(
    fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: -20_000, max: 400_000 })),
    {
      minLength: 1,
      maxLength: 400,
    },
  )

  test('what a recorder took in comes out of the wire within half a tick, all losses told', () => {
    fc.assert(
      fc.property(u16, arrivals, fc.integer({ min: 0, max: 2 ** 40 }), (first, steps, startUs) => {
        const recorder = new ArrivalRecorder({ senderSsrc: 1, mediaSsrc: 2 })
        const expected = new Map<number, number>()
        let sequence = first
        let timeUs = startUs
        for (const [gap, interval] of steps) {
          sequence += gap
          timeUs = Math.max(0, timeUs + interval)
          recorder.record(sequence & 0xffff, timeUs)
          expected.set(sequence, timeUs)
        }
        const wrapUs = 2 ** 24 * 64_000
        let next = first + (steps[0]?.[0] ?? 0)
        for (const sent of recorder.take()) {
          const wire = serializeRtcp([sent])
          expect(wire.length).toBeLessThan(1_200)
          const [received] = parseRtcp(wire)
          if (received?.type !== 'transport-feedback') throw new Error('not a feedback')
          for (const { sequenceNumber, timeUs } of arrivalTimes(received)) {
            expect(sequenceNumber).toBe(next & 0xffff)
            const at = expected.get(next)
            expect(timeUs === null).toBe(at === undefined)
            if (timeUs !== null && at !== undefined) {
              const error = (((timeUs - at) % wrapUs) + wrapUs * 1.5) % wrapUs
              expect(Math.abs(error - wrapUs / 2)).toBeLessThanOrEqual(125)
            }
            next++
          }
        }
        expect(next).toBe(sequence + 1)
        expect(recorder.take()).toEqual([])
      }),
    )
  })

  test('losses between two reports are told in the second, and a late packet is reported again with its neighbours', () => {
    const recorder = new ArrivalRecorder({ senderSsrc: 1, mediaSsrc: 2 })
    recorder.record(1, 1_000)
    expect(recorder.take()).toMatchObject([{ baseSequence: 1, deltas: [4], feedbackCount: 0 }])
    recorder.record(4, 2_000)
    expect(recorder.take()).toMatchObject([{ baseSequence: 2, deltas: [null, null, 8], feedbackCount: 1 }])
    recorder.record(3, 3_000)
    recorder.record(3, 9_000)
    expect(recorder.take()).toMatchObject([{ baseSequence: 3, deltas: [12, -4], feedbackCount: 2 }])
  })
})
