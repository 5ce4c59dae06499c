import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ProtocolViolation } from '../violation.ts'
import { MAX_ROOM_DATA_HEADER, parseRoomData, serializeRoomData } from './index.ts'

test('a frame is read as it was written', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.string()), fc.uint8Array(), (header, payload) => {
      const frame = parseRoomData(serializeRoomData(header, payload))
      expect(frame.header).toEqual(JSON.parse(JSON.stringify(header)))
      expect(frame.payload).toEqual(payload)
    }),
  )
})

test('what is cut, too long or made up is a violation and nothing else', () => {
  const whole = serializeRoomData({ type: 'send' }, Uint8Array.of(1, 2, 3))
  for (let length = 0; length < whole.length - 3; length++) {
    expect(() => parseRoomData(whole.subarray(0, length))).toThrow(ProtocolViolation)
  }
  expect(() => serializeRoomData({ text: 'x'.repeat(MAX_ROOM_DATA_HEADER) })).toThrow(ProtocolViolation)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (noise, versioned) => {
      if (versioned && noise.length > 2) noise.set([1, 0])
      try {
        parseRoomData(noise)
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolViolation)
      }
    }),
    { numRuns: 2_000 },
  )
})
