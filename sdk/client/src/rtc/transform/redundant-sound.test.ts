import { describe, expect, test } from 'vitest'
import { redundantSounds } from './redundant-sound.ts'

const opus = 111
/** As the text that a worker gets: what it would use from outside of itself is not there. */
const newSound = (new Function(`return (${redundantSounds})()`) as () => ReturnType<typeof redundantSounds>)()

interface Block {
  offset: number
  text: string
}

/** RFC 2198, section 3. */
function read(payload: ArrayBuffer): Block[] {
  const bytes = Buffer.from(payload)
  const heads: { offset: number; size: number }[] = []
  let at = 0
  while (((bytes[at] ?? 0) & 0x80) !== 0) {
    expect((bytes[at] ?? 0) & 0x7f).toBe(opus)
    const word = bytes.readUIntBE(at + 1, 3)
    heads.push({ offset: word >> 10, size: word & 0x3ff })
    at += 4
  }
  expect(bytes[at]).toBe(opus)
  at += 1
  const blocks = heads.map(({ offset, size }): Block => {
    at += size
    return { offset, text: bytes.toString('latin1', at - size, at) }
  })
  return [...blocks, { offset: 0, text: bytes.toString('latin1', at) }]
}

/** As the browser's own encoder makes it: with the frame before. */
function own(text: string, before?: string): ArrayBuffer {
  const head =
    before === undefined
      ? []
      : [0x80 | opus, 960 >> 6, ((960 & 63) << 2) | (before.length >> 8), before.length & 255]
  return Uint8Array.from([...head, opus, ...Buffer.from((before ?? '') + text, 'latin1')]).buffer
}

function speak(texts: readonly string[], depth: number, step = 960): Block[][] {
  const sound = newSound()
  return texts.map((text, index) =>
    read(sound.repack(own(text, texts[index - 1]), 5_000 + index * step, depth)),
  )
}

describe('RTC-100: sound is packed with the frames before it', () => {
  test('as deep as is asked for, oldest first', () => {
    const [first, , , fourth] = speak(['a', 'bb', 'ccc', 'dddd'], 2)
    expect(first).toEqual([{ offset: 0, text: 'a' }])
    expect(fourth).toEqual([
      { offset: 1_920, text: 'bb' },
      { offset: 960, text: 'ccc' },
      { offset: 0, text: 'dddd' },
    ])
  })

  test('no deeper than 17 frames, and than the offset of a header holds', () => {
    const texts = Array.from({ length: 30 }, (_, index) => String.fromCharCode(65 + index))
    expect(speak(texts, 40).at(-1)).toHaveLength(18)
    expect(speak(texts, 17).at(-1)?.[0]).toEqual({ offset: 17 * 960, text: texts[12] })
    expect(speak(texts, 17, 2_880).at(-1)).toHaveLength(1 + Math.floor(0x3fff / 2_880))
  })

  test('packets stay within 1,000 bytes, without a hole among the blocks', () => {
    const texts = Array.from({ length: 18 }, (_, index) => String(index % 10).repeat(80))
    const blocks = speak(texts, 17).at(-1) ?? []
    expect(blocks.length * 84 - 3).toBeLessThanOrEqual(1_000)
    expect(blocks.map(({ offset }) => offset / 960)).toEqual(
      Array.from({ length: blocks.length }, (_, index) => blocks.length - 1 - index),
    )
    expect(blocks).toHaveLength(11)
  })

  test('across the wrap of timestamps, and not across a pause', () => {
    const sound = newSound()
    sound.repack(own('a'), 0xffff_ff00, 3)
    expect(read(sound.repack(own('b'), 0x2c0, 3))).toHaveLength(2)
    expect(read(sound.repack(own('c'), 0x2c0 + 48_000, 3))).toEqual([{ offset: 0, text: 'c' }])
  })

  test('what is not RED passes as it is', () => {
    const broken = Uint8Array.from([0x80 | opus, 0, 3, 255, opus, 1]).buffer
    expect(newSound().repack(broken, 1, 5)).toBe(broken)
  })
})
