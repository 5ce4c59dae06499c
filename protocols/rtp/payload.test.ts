import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProtocolViolation } from '../violation.ts'
import {
  parseAv1,
  parseDependencyDescriptor,
  parseH264,
  parseVp8,
  parseVp9,
  serializeVp8Descriptor,
  type Vp8Descriptor,
} from './index.ts'

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))

describe('VP8', () => {
  test('RFC 7741: a key frame shows its size on its first packet', () => {
    const payload = parseVp8(hex('90 e0 8123 07 40 50020 0 9d012a 8002 e001 00'.replaceAll(' ', '')))
    expect(payload).toMatchObject({
      startOfFrame: true,
      keyFrame: true,
      dimensions: { width: 640, height: 480 },
      descriptor: {
        pictureId: { value: 0x123, bits: 15 },
        tl0PicIdx: 7,
        temporal: { id: 1, layerSync: false },
      },
    })
  })

  test('RFC 7741: later partitions, later packets and inter frames are no key frames', () => {
    expect(parseVp8(hex('10 01 00')).keyFrame).toBe(false)
    expect(parseVp8(hex('11 00 00')).keyFrame).toBe(false)
    expect(parseVp8(hex('00 00 00')).keyFrame).toBe(false)
    expect(parseVp8(hex('10')).keyFrame).toBe(false)
  })

  test('every descriptor survives the wire', () => {
    const pictureId = fc.oneof(
      fc.record({ value: fc.integer({ min: 0, max: 0x7f }), bits: fc.constant(7 as const) }),
      fc.record({ value: fc.integer({ min: 0, max: 0x7fff }), bits: fc.constant(15 as const) }),
    )
    const descriptor = fc.record(
      {
        nonReference: fc.boolean(),
        startOfPartition: fc.boolean(),
        partitionId: fc.integer({ min: 0, max: 7 }),
        pictureId,
        tl0PicIdx: fc.nat(255),
        temporal: fc.record({ id: fc.nat(3), layerSync: fc.boolean() }),
        keyIndex: fc.nat(31),
      },
      { requiredKeys: ['nonReference', 'startOfPartition', 'partitionId'] },
    )
    fc.assert(
      fc.property(descriptor, (sent) => {
        const wire = Buffer.concat([serializeVp8Descriptor(sent as Vp8Descriptor), hex('0102')])
        const received = parseVp8(wire)
        expect(received.descriptor).toEqual(sent)
        expect([...received.data]).toEqual([1, 2])
      }),
    )
  })
})

describe('VP9 (RFC 9628)', () => {
  test('a key picture with its scalability structure', () => {
    // I P=0 L F=0 B E=0 V; picture 5; T0 U0 S0 D0; TL0PICIDX 9; N_S=2 Y G; 320x180, 640x360; two pictures
    const payload = parseVp9(hex('aa 05 00 09 38 0140 00b4 0280 0168 02 00 24 01 ff'))
    expect(payload).toMatchObject({
      keyFrame: true,
      pictureId: { value: 5, bits: 7 },
      layer: { temporalId: 0, spatialId: 0 },
      tl0PicIdx: 9,
      scalability: {
        spatialLayers: 2,
        resolutions: [
          { width: 320, height: 180 },
          { width: 640, height: 360 },
        ],
        pictureGroup: [
          { temporalId: 0, switchingUp: false, referenceDistances: [] },
          { temporalId: 1, switchingUp: false, referenceDistances: [1] },
        ],
      },
    })
    expect([...payload.data]).toEqual([0xff])
  })

  test('flexible mode: references, an upper spatial layer and an inter picture are no key frames', () => {
    const payload = parseVp9(hex('f8 8123 23 03 04 aa'))
    expect(payload).toMatchObject({
      keyFrame: false,
      flexibleMode: true,
      pictureId: { value: 0x123, bits: 15 },
      layer: { temporalId: 1, spatialId: 1, interLayerPredicted: true },
      referenceDistances: [1, 2],
    })
    expect(parseVp9(hex('28 02 00 aa')).keyFrame).toBe(false)
    expect(() => parseVp9(hex('50 03 03 03 03'))).toThrow(ProtocolViolation)
  })
})

describe('H.264 (RFC 6184)', () => {
  test.each([
    ['a single IDR slice', '65 88', { packetization: 'single', keyFrame: true }],
    ['a single non-IDR slice', '41 88', { packetization: 'single', keyFrame: false }],
    [
      'STAP-A with SPS and PPS',
      '78 0002 6742 0001 68',
      { packetization: 'aggregate', nalTypes: [7, 8], keyFrame: true },
    ],
    [
      'the first fragment of an IDR slice',
      '7c 85 aa',
      { packetization: 'fragment', start: true, keyFrame: true },
    ],
    ['the last fragment of an IDR slice', '7c 45 aa', { end: true, start: false, keyFrame: false }],
  ])('%s', (_name, wire, expected) => {
    expect(parseH264(hex(wire))).toMatchObject(expected)
  })

  test.each(['', '78', '78 0009 67', '78 0000', '7d 00', '7c'])('%s is refused', (wire) => {
    expect(() => parseH264(hex(wire))).toThrow(ProtocolViolation)
  })
})

describe('AV1', () => {
  test('aggregation header: N marks a new sequence, W says how many elements omit the last length', () => {
    const payload = parseAv1(hex('28 02 0a0b aabb cc'))
    expect(payload.startsCodedVideoSequence).toBe(true)
    expect(payload.obuElements.map((element) => [...element])).toEqual([
      [0x0a, 0x0b],
      [0xaa, 0xbb, 0xcc],
    ])
    expect(parseAv1(hex('c0 01 aa 01 bb')).obuElements).toHaveLength(2)
    expect(() => parseAv1(hex('88 01 aa'))).toThrow(ProtocolViolation)
    expect(() => parseAv1(hex('30 01 aa'))).toThrow(ProtocolViolation)
    expect(() => parseAv1(hex('00 ff ff ff ff ff ff ff ff ff'))).toThrow(ProtocolViolation)
  })
})

describe('dependency descriptor', () => {
  /** Two temporal layers, two decode targets, one chain, 640x360; written field by field. */
  const structureBits = [
    '1 1 000000 0000000000000101', // start, end, template 0, frame 5
    '1 0 0 0 0', // structure only
    '000000 00001', // offset 0, two decode targets
    '01 11', // S0T0, then S0T1, then no more
    '10 10', // template 0: switch for both
    '00 01', // template 1: not present, discardable
    '0', // template 0 refers to nothing
    '1 0000 0', // template 1 refers to the frame before
    '10', // one chain, of values below 3
    // protected by chain: values below 1 take no bits
    '0000', // template 0: chain starts
    '0001', // template 1: one frame after it
    '1 0000001001111111 0000000101100111', // 640 x 360
  ].join('')
  const pack = (bits: string) => {
    const clean = bits.replaceAll(' ', '')
    const padded = clean.padEnd(Math.ceil(clean.length / 8) * 8, '0')
    return Uint8Array.from(padded.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2))
  }

  test('the first packet brings the structure, later ones refer to it', () => {
    const first = parseDependencyDescriptor(pack(structureBits))
    expect(first).toMatchObject({
      startOfFrame: true,
      endOfFrame: true,
      frameNumber: 5,
      activeDecodeTargets: 0b11,
      frame: {
        spatialId: 0,
        temporalId: 0,
        indications: ['switch', 'switch'],
        frameDistances: [],
        chainDistances: [0],
      },
      structure: {
        decodeTargetCount: 2,
        chainCount: 1,
        protectedBy: [0, 0],
        resolutions: [{ width: 640, height: 360 }],
      },
    })
    const later = parseDependencyDescriptor(pack('1 0 000001 0000000000000110'), first.structure)
    expect(later).toEqual({
      startOfFrame: true,
      endOfFrame: false,
      frameNumber: 6,
      frame: {
        spatialId: 0,
        temporalId: 1,
        indications: ['not-present', 'discardable'],
        frameDistances: [1],
        chainDistances: [1],
      },
    })
  })

  test('custom fields override the template', () => {
    const { structure } = parseDependencyDescriptor(pack(structureBits))
    const custom = pack(`10 000000 ${'0'.repeat(16)} 0 1 1 1 1 01 11 10 01 0011 10 00010000 00 00000111`)
    expect(parseDependencyDescriptor(custom, structure)).toMatchObject({
      activeDecodeTargets: 0b01,
      frame: { indications: ['required', 'switch'], frameDistances: [4, 17], chainDistances: [7] },
    })
  })

  test('a descriptor before any structure, or naming a template that is not there, is refused', () => {
    expect(() => parseDependencyDescriptor(hex('800001'))).toThrow(ProtocolViolation)
    const { structure } = parseDependencyDescriptor(pack(structureBits))
    expect(() => parseDependencyDescriptor(hex('850001'), structure)).toThrow(ProtocolViolation)
  })
})
