import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ProtocolViolation } from '../violation.ts'
import {
  absoluteSendTime,
  audioLevel,
  isRtcp,
  mid,
  parseAv1,
  parseDependencyDescriptor,
  parseH264,
  parseRedundancy,
  parseRtp,
  parseVp8,
  parseVp9,
  playoutDelay,
  type RtpPacket,
  sequenceDistance,
  serializeRedundancy,
  serializeRtp,
  toAbsoluteSendTime,
  transportSequence,
  Unwrapper,
  unwrapRetransmission,
  videoOrientation,
  wrapRetransmission,
} from './index.ts'

const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffffffff })
const bytes = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength })
const extensions = fc.oneof(
  fc.array(fc.tuple(fc.integer({ min: 1, max: 14 }), bytes(1, 16)), { maxLength: 6 }),
  fc.array(fc.tuple(fc.integer({ min: 1, max: 255 }), bytes(0, 255)), { maxLength: 6 }),
)
const packet: fc.Arbitrary<RtpPacket> = fc.record({
  marker: fc.boolean(),
  payloadType: fc.integer({ min: 0, max: 127 }),
  sequenceNumber: u16,
  timestamp: u32,
  ssrc: u32,
  csrcs: fc.array(u32, { maxLength: 15 }),
  extensions: extensions.map((entries) => new Map(entries)),
  payload: bytes(0, 300),
  paddingLength: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 255 })),
})

const plain = (value: RtpPacket) => ({
  ...value,
  payload: Buffer.from(value.payload).toString('hex'),
  extensions: [...value.extensions].map(([id, content]) => [id, Buffer.from(content).toString('hex')]),
})

function orViolation(parse: () => unknown): void {
  try {
    parse()
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolViolation)
  }
}

test('every packet survives the wire', () => {
  fc.assert(
    fc.property(packet, (sent) => {
      const wire = serializeRtp(sent)
      expect(plain(parseRtp(wire))).toEqual(plain(sent))
      expect(isRtcp(wire)).toBe(sent.marker && sent.payloadType >= 64 && sent.payloadType <= 95)
    }),
  )
})

test('RFC 8285 section 4.2: one-byte elements, padding between them, stop at id 15', () => {
  const elements = '10aa 00 00 33 01020304 00 f0 ff'
  const wire = Buffer.from(`906f0001 00000002 00000003 bede0003 ${elements} bb 77`.replaceAll(' ', ''), 'hex')
  const { extensions, payload } = parseRtp(wire)
  expect([...extensions].map(([id, value]) => [id, [...value]])).toEqual([
    [1, [0xaa]],
    [3, [1, 2, 3, 4]],
  ])
  expect([...payload]).toEqual([0xbb, 0x77])
})

test('header extension values', () => {
  expect(audioLevel.parse(Uint8Array.of(0x80 | 42))).toEqual({ voice: true, level: 42 })
  expect([...audioLevel.serialize({ voice: false, level: 127 })]).toEqual([127])
  expect(toAbsoluteSendTime(1_000)).toBe(1 << 18)
  expect(toAbsoluteSendTime(64_000)).toBe(0)
  expect(absoluteSendTime.parse(absoluteSendTime.serialize(0xabcdef))).toBe(0xabcdef)
  expect(transportSequence.parse(transportSequence.serialize(65_535))).toBe(65_535)
  expect(mid.parse(mid.serialize('audio-0'))).toBe('audio-0')
  expect(() => mid.parse(Uint8Array.of(0, 1))).toThrow(ProtocolViolation)
  expect([...playoutDelay.serialize({ minMs: 100, maxMs: 400 })]).toEqual([0x00, 0xa0, 0x28])
  expect(playoutDelay.parse(Uint8Array.of(0xff, 0xff, 0xff))).toEqual({ minMs: 40_950, maxMs: 40_950 })
  const turned = { camera: 'back', flip: false, rotation: 270 } as const
  expect([...videoOrientation.serialize(turned)]).toEqual([0x0b])
  expect(videoOrientation.parse(Uint8Array.of(0x0b))).toEqual(turned)
})

test('RFC 4588: a retransmission brings the original back, padding-only packets bring nothing', () => {
  fc.assert(
    fc.property(packet, (original) => {
      const wrapped = wrapRetransmission(original, { ssrc: 9, payloadType: 97, sequenceNumber: 7 })
      expect(wrapped).toMatchObject({
        ssrc: 9,
        payloadType: 97,
        sequenceNumber: 7,
        timestamp: original.timestamp,
      })
      const received = parseRtp(serializeRtp(wrapped))
      const unwrapped = unwrapRetransmission(received, original)
      expect(unwrapped && plain(unwrapped)).toEqual(plain({ ...original, paddingLength: 0 }))
      expect(unwrapRetransmission({ ...received, payload: new Uint8Array() }, original)).toBeUndefined()
    }),
  )
  expect(() => {
    const [short] = fc.sample(packet, 1)
    if (short) unwrapRetransmission({ ...short, payload: Uint8Array.of(1) }, short)
  }).toThrow(ProtocolViolation)
})

test('RFC 2198: blocks keep type, age and bytes; the header is four bytes a redundant block', () => {
  const block = fc.record({
    payloadType: fc.integer({ min: 0, max: 127 }),
    timestampOffset: fc.integer({ min: 0, max: 0x3fff }),
    payload: bytes(0, 200),
  })
  fc.assert(
    fc.property(fc.array(block, { maxLength: 17 }), bytes(0, 100), (redundant, payload) => {
      const blocks = [...redundant, { payloadType: 111, timestampOffset: 0, payload }]
      const wire = serializeRedundancy(blocks)
      expect(wire.length).toBe(
        blocks.reduce((sum, { payload }) => sum + payload.length, redundant.length * 4 + 1),
      )
      expect(parseRedundancy(wire).map((part) => ({ ...part, payload: [...part.payload] }))).toEqual(
        blocks.map((part) => ({ ...part, payload: [...part.payload] })),
      )
    }),
  )
  expect(() => serializeRedundancy([])).toThrow(ProtocolViolation)
})

test('unwrapping follows a counter over its end and back', () => {
  const sequence = new Unwrapper({ bits: 16 })
  expect([65_534, 0, 65_535, 1, 32_768, 0].map((value) => sequence.unwrap(value))).toEqual([
    65_534, 65_536, 65_535, 65_537, 98_304, 65_536,
  ])
  const timestamp = new Unwrapper({ bits: 32 })
  expect([0xffffff00, 0x10, 0xffffffff].map((value) => timestamp.unwrap(value))).toEqual([
    0xffffff00, 0x100000010, 0xffffffff,
  ])
  fc.assert(
    fc.property(u16, fc.array(fc.integer({ min: -1000, max: 30_000 })), (first, steps) => {
      const unwrapper = new Unwrapper({ bits: 16 })
      unwrapper.unwrap(first)
      let newest = first
      for (const step of steps) {
        expect(unwrapper.unwrap((((newest + step) % 65_536) + 65_536) % 65_536)).toBe(newest + step)
        newest = Math.max(newest, newest + step)
      }
    }),
  )
  expect(sequenceDistance(65_535, 1)).toBe(2)
  expect(sequenceDistance(1, 65_535)).toBe(-2)
})

test('random and damaged bytes end in a value or a ProtocolViolation in every parser', () => {
  const parsers = [
    parseRtp,
    parseRedundancy,
    parseVp8,
    parseVp9,
    parseH264,
    parseAv1,
    parseDependencyDescriptor,
  ]
  fc.assert(
    fc.property(bytes(0, 120), (input) => {
      for (const parse of parsers) orViolation(() => parse(input))
    }),
    { numRuns: 3000 },
  )
  fc.assert(
    fc.property(packet, fc.nat(), fc.nat(255), fc.nat(), (sent, at, value, cut) => {
      const wire = Uint8Array.from(serializeRtp(sent))
      wire[at % wire.length] = value
      orViolation(() => parseRtp(wire.subarray(0, cut % (wire.length + 1))))
      orViolation(() => parseRtp(wire))
    }),
    { numRuns: 1000 },
  )
})
