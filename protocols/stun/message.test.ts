import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProtocolViolation } from '../violation.ts'
import {
  BINDING,
  findAttribute,
  formatAddress,
  isStun,
  parseAddress,
  parseStun,
  type StunAttribute,
  serializeStun,
  unknownRequiredAttributes,
  verifyIntegrity,
} from './index.ts'

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replace(/\s+/g, ''), 'hex'))
const PASSWORD = 'VOkJxbRl1RmTxUk/WvJxBt'

const sampleRequest = hex(`
  00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74 00240004 6e0001ff
  80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020 00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249
  c1b571a2 80280004 e57a3bcf`)
const sampleResponseV4 = hex(`
  0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200008 0001a147 e112a643
  00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96`)
const sampleResponseV6 = hex(`
  01010048 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200014 0002a147 0113a9fa
  a5d3f179 bc25f4b5 bed2b9d9 00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41 80280004 c8fb0b4c`)

describe('RFC 5769 vectors', () => {
  test('2.1: the sample request has the attributes, integrity and fingerprint it was made with', () => {
    const message = parseStun(sampleRequest)
    expect(message).toMatchObject({ class: 'request', method: BINDING, hasFingerprint: true })
    expect(message.attributes).toEqual([
      { type: 'software', value: 'STUN test client' },
      { type: 'priority', value: 0x6e0001ff },
      { type: 'ice-controlled', tieBreaker: 0x932ff9b151263b36n },
      { type: 'username', value: 'evtj:h6vY' },
    ])
    expect(verifyIntegrity(message, PASSWORD)).toBe(true)
    expect(verifyIntegrity(message, `${PASSWORD}x`)).toBe(false)
  })

  test('2.2: the sample IPv4 response', () => {
    const message = parseStun(sampleResponseV4)
    expect(message.class).toBe('success')
    expect(findAttribute(message, 'xor-mapped-address')).toMatchObject({ address: '192.0.2.1', port: 32853 })
    expect(verifyIntegrity(message, PASSWORD)).toBe(true)
  })

  test('2.3: the sample IPv6 response', () => {
    const message = parseStun(sampleResponseV6)
    expect(findAttribute(message, 'xor-mapped-address')).toMatchObject({
      family: 6,
      address: '2001:db8:1234:5678:11:2233:4455:6677',
      port: 32853,
    })
    expect(verifyIntegrity(message, PASSWORD)).toBe(true)
  })

  test('one changed bit is refused by the fingerprint, the header or the integrity check', () => {
    const fingerprintHeader = sampleRequest.length - 8
    for (let index = 0; index < sampleRequest.length; index++) {
      // FINGERPRINT turned into another attribute is one after MESSAGE-INTEGRITY, which is ignored.
      if (index >= fingerprintHeader && index < fingerprintHeader + 4) continue
      const changed = Uint8Array.from(sampleRequest)
      changed[index] = (changed[index] ?? 0) ^ 1
      expect(() => {
        if (!verifyIntegrity(parseStun(changed), PASSWORD)) throw new ProtocolViolation('stun', 'integrity')
      }).toThrow(ProtocolViolation)
    }
  })
})

const port = fc.integer({ min: 0, max: 65535 })
const address = fc.oneof(
  fc.ipV4().map((address) => ({ family: 4 as const, address })),
  fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((bytes) => ({ family: 6 as const, address: formatAddress(bytes) })),
)
const attribute: fc.Arbitrary<StunAttribute> = fc.oneof(
  fc.record({
    type: fc.constantFrom('username', 'realm', 'nonce', 'software'),
    value: fc.string({ maxLength: 80 }),
  }),
  fc.tuple(fc.constantFrom('mapped-address', 'xor-mapped-address'), address, port).map(([type, at, port]) => {
    return { type, ...at, port } as StunAttribute
  }),
  fc.record({
    type: fc.constant('error-code'),
    code: fc.integer({ min: 300, max: 699 }),
    reason: fc.string(),
  }),
  fc.record({ type: fc.constant('unknown-attributes'), codes: fc.array(port, { maxLength: 5 }) }),
  fc.record({ type: fc.constant('priority'), value: fc.nat(0xffffffff) }),
  fc.record({ type: fc.constant('use-candidate') }),
  fc.record({
    type: fc.constantFrom('ice-controlled', 'ice-controlling'),
    tieBreaker: fc.bigInt(0n, 2n ** 64n - 1n),
  }),
  fc.record({
    type: fc.constant('unknown'),
    code: fc.constantFrom(0x0003, 0x7f01, 0xc057, 0xc070),
    value: fc.uint8Array({ maxLength: 40 }),
  }),
)
const message = fc.record({
  class: fc.constantFrom('request', 'indication', 'success', 'error'),
  method: fc.integer({ min: 0, max: 0x7f }),
  transactionId: fc.uint8Array({ minLength: 12, maxLength: 12 }),
  attributes: fc.array(attribute, { maxLength: 8 }),
})

test('every message survives the wire', () => {
  fc.assert(
    fc.property(message, fc.string({ minLength: 1 }), (sent, password) => {
      const bytes = serializeStun(sent, { password })
      const received = parseStun(bytes)
      expect(isStun(bytes)).toBe(true)
      expect(received).toMatchObject({ class: sent.class, method: sent.method, hasFingerprint: true })
      expect(Array.from(received.transactionId)).toEqual(Array.from(sent.transactionId))
      expect(received.attributes).toEqual(sent.attributes)
      expect(verifyIntegrity(received, password)).toBe(true)
    }),
  )
})

test('random and damaged bytes end in a message or a ProtocolViolation', () => {
  const orViolation = (bytes: Uint8Array) => {
    try {
      parseStun(bytes)
    } catch (error) {
      expect(error).toBeInstanceOf(ProtocolViolation)
    }
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), orViolation), { numRuns: 2000 })
  fc.assert(
    fc.property(message, fc.nat(), fc.nat(255), fc.nat(), (sent, at, value, cut) => {
      const bytes = Uint8Array.from(serializeStun(sent, { fingerprint: false }))
      bytes[at % bytes.length] = value
      orViolation(bytes)
      orViolation(bytes.subarray(0, cut % (bytes.length + 1)))
    }),
    { numRuns: 1000 },
  )
})

test('attributes that must be understood and are not are listed, optional ones are not', () => {
  const unknown = (code: number) => ({ type: 'unknown', code, value: new Uint8Array(3) }) as const
  const bytes = serializeStun({
    class: 'request',
    method: BINDING,
    transactionId: new Uint8Array(12),
    attributes: [unknown(0x7f01), unknown(0xc057)],
  })
  expect(unknownRequiredAttributes(parseStun(bytes))).toEqual([0x7f01])
})

test('addresses read back as written, and names are refused', () => {
  for (const text of ['0.0.0.0', '255.1.2.3', '::', '::1', 'fe80::1:0:0:1', '2001:db8::1', '1::']) {
    expect(formatAddress(parseAddress(text))).toBe(text)
  }
  expect(formatAddress(parseAddress('::ffff:10.0.0.1'))).toBe('::ffff:a00:1')
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.256',
    'example.org',
    ':::',
    '1::2::3',
    'fe80::1%eth0',
    '1:2:3:4:5:6:7:8:9',
  ]) {
    expect(() => parseAddress(text)).toThrow(ProtocolViolation)
  }
})
