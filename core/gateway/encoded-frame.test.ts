import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EncodedFrame, type Outgoing, payloadOf, wireOf } from './encoded-frame.ts'
import { SharedBatches } from './shared-batches.ts'

const frameOf = (conversationId: string) => new EncodedFrame({ type: 'conversation.joined', conversationId })

/** RFC 6455, section 5.2: one final, unmasked text frame with the shortest length that holds it. */
function read(wire: Buffer): unknown {
  expect(wire[0]).toBe(0x81)
  const marker = wire[1] ?? 0
  const start = marker === 127 ? 10 : marker === 126 ? 4 : 2
  const length =
    marker === 127 ? Number(wire.readBigUInt64BE(2)) : marker === 126 ? wire.readUInt16BE(2) : marker
  expect(wire.length).toBe(start + length)
  expect(start).toBe(length > 65_535 ? 10 : length > 125 ? 4 : 2)
  return JSON.parse(wire.subarray(start).toString())
}

test('GATE-20: shared and own frames join into one array, whatever their sizes', () => {
  const length = fc.oneof(fc.nat({ max: 200 }), fc.integer({ min: 65_000, max: 66_000 }))
  const item = fc.record({ shared: fc.boolean(), text: fc.string({ unit: 'binary', maxLength: 50 }), length })
  fc.assert(
    fc.property(fc.array(item, { minLength: 1, maxLength: 6 }), (drawn) => {
      const ids = drawn.map(({ text, length }) => text + 'x'.repeat(length))
      const items: Outgoing[] = drawn.map(({ shared }, index) => {
        const id = ids[index] ?? ''
        return shared ? frameOf(id) : JSON.stringify({ type: 'conversation.joined', conversationId: id })
      })
      const wire = wireOf(items)
      // A lone surrogate cannot travel in UTF-8; JSON escapes it, so that it comes out as it went in.
      const events = ids.map((conversationId) => ({ type: 'conversation.joined', conversationId }))
      expect(read(wire)).toEqual(events.length === 1 ? events[0] : events)
      expect(JSON.parse(payloadOf(wire).toString())).toEqual(events.length === 1 ? events[0] : events)
    }),
    { numRuns: 60 },
  )
})

test('GATE-20: a batch that many wait for is joined once', () => {
  const batches = new SharedBatches()
  const [a, b, c] = [frameOf('a'), frameOf('b'), frameOf('c')]
  const joined = batches.wireOf([a, b])
  expect(batches.wireOf([a, b])).toBe(joined)
  expect(batches.wireOf([b, a])).not.toBe(joined)
  expect(batches.wireOf([a, b, c])).not.toBe(joined)
  expect(batches.wireOf([a])).toBe(a.wire)
  batches.clear()
  expect(batches.wireOf([a, b])).not.toBe(joined)
})
