import { describe, expect, test } from 'vitest'
import { type FrameSealing, frameSealing, type SealingKey } from './frame-sealing.ts'

/** As the text that a worker gets: what it would use from outside of itself is not there. */
const sealing = (new Function(`return (${frameSealing})()`) as () => FrameSealing)()

const bytes = (text: string) => Uint8Array.from(Buffer.from(text))
const text = (frame: ArrayBuffer | string) =>
  typeof frame === 'string' ? `fault ${frame}` : Buffer.from(frame).toString()

async function keyFrom(secret: string, index = 0, step = 0): Promise<SealingKey> {
  return { index, step, material: await sealing.importMaterial(bytes(secret)) }
}

async function ratcheted(key: SealingKey, times = 1): Promise<SealingKey> {
  let { material } = key
  for (let time = 0; time < times; time++)
    material = await sealing.importMaterial(await sealing.ratchet(material))
  return { index: key.index, step: key.step + times, material, previous: key }
}

const only = (key: SealingKey) => (index: number) => (index === key.index ? key : undefined)

describe('RTC-105: the format of frames', () => {
  test('what stands in front stays readable, the rest does not, and both come back', async () => {
    const key = await keyFrom('secret', 3)
    const sealed = new Uint8Array(await sealing.newSealer().seal(bytes('TOCsound').buffer, 3, key))
    const whole = Buffer.from(sealed)
    expect(whole.toString('latin1', 0, 3)).toBe('TOC')
    expect(whole.toString('latin1')).not.toContain('sound')
    // Prefix, header with eight bytes of key id and counter 0, five bytes, tag, length of the prefix.
    expect(whole).toHaveLength(3 + 9 + 5 + 16 + 1)
    expect(whole[3]).toBe(0xf0)
    expect((whole[10] ?? 0) & 0x0f).toBe(3)
    expect(whole[11]).toBe(0)
    expect(whole.at(-1)).toBe(3)
    expect(text(await sealing.newOpener().open(sealed.buffer, only(key)))).toBe('TOCsound')
  })

  test('keys and nonces are those of RFC 9605: another implementation opens it', async () => {
    const { createHmac, createDecipheriv } = await import('node:crypto')
    const sealer = sealing.newSealer()
    const key = await keyFrom('secret')
    for (let index = 0; index < 300; index++) await sealer.seal(bytes('x').buffer, 0, key)
    const whole = Buffer.from(await sealer.seal(bytes('Tpicture').buffer, 1, key))
    const header = whole.subarray(1, 12)
    expect(header[0]).toBe(0xf9)
    expect(header.readUInt16BE(9)).toBe(300)
    const hmac = (secret: Uint8Array, data: Uint8Array) => createHmac('sha256', secret).update(data).digest()
    const extracted = hmac(new Uint8Array(32), bytes('secret'))
    const expand = (label: string, size: number) => {
      const info = Buffer.concat([Buffer.from(label), header.subarray(1, 9), Buffer.from([0, 4, 1])])
      return hmac(extracted, info).subarray(0, size)
    }
    const nonce = Buffer.from(expand('SFrame 1.0 Secret salt ', 12))
    nonce.writeUInt16BE(nonce.readUInt16BE(10) ^ 300, 10)
    const decipher = createDecipheriv('aes-128-gcm', expand('SFrame 1.0 Secret key ', 16), nonce)
    decipher.setAAD(Buffer.concat([header, Buffer.from('T')]))
    decipher.setAuthTag(whole.subarray(-17, -1))
    expect(Buffer.concat([decipher.update(whole.subarray(12, -17)), decipher.final()]).toString()).toBe(
      'picture',
    )
  })

  test('a known frame opens: key id, counter, key, salt, nonce and tag as this vector has them', async () => {
    const key: SealingKey = {
      index: 4,
      step: 2,
      material: await sealing.importMaterial(Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')),
    }
    const frame = Uint8Array.from(Buffer.from(vector, 'hex'))
    expect(text(await sealing.newOpener().open(frame.buffer, only(key)))).toBe('Parley end to end')
  })

  test('a changed byte anywhere, and what is too short, is refused', async () => {
    const key = await keyFrom('secret')
    const sealed = Buffer.from(await sealing.newSealer().seal(bytes('abcdef').buffer, 2, key))
    for (let at = 0; at < sealed.length; at++) {
      const changed = Uint8Array.from(sealed)
      changed[at] = (changed[at] ?? 0) ^ 1
      const opened = await sealing.newOpener().open(changed.buffer, only(key))
      expect(typeof opened, `byte ${at}`).toBe('string')
    }
    for (let size = 0; size < sealed.length; size++) {
      const opened = await sealing
        .newOpener()
        .open(Uint8Array.from(sealed.subarray(0, size)).buffer, only(key))
      expect(typeof opened, `${size} bytes`).toBe('string')
    }
  })
})

describe('RTC-106: keys', () => {
  test('without the key it is missing, with another one it fails', async () => {
    const sealed = await sealing.newSealer().seal(bytes('abc').buffer, 0, await keyFrom('secret', 1))
    const opener = sealing.newOpener()
    expect(await opener.open(sealed, () => undefined)).toBe('missing-key')
    expect(await opener.open(sealed, only(await keyFrom('other', 1)))).toBe('failed')
  })

  test('a receiver follows a sender that ratchets, also over several steps, and opens what was on its way', async () => {
    const key = await keyFrom('secret')
    const sealer = sealing.newSealer()
    const opener = sealing.newOpener()
    const later = await ratcheted(key, 3)
    const before = await sealer.seal(bytes('before').buffer, 0, key)
    const late = await sealer.seal(bytes('late').buffer, 0, key)
    const after = await sealer.seal(bytes('after').buffer, 0, later)
    for (const [frame, expected] of [
      [before, 'before'],
      [after, 'after'],
      [late, 'late'],
    ] as const) {
      expect(text(await opener.open(frame, only(key)))).toBe(expected)
    }
  })

  test('it follows no further than 16 steps at once', async () => {
    const key = await keyFrom('secret')
    const opener = sealing.newOpener()
    const sealer = sealing.newSealer()
    const far = await sealer.seal(bytes('far').buffer, 0, await ratcheted(key, 17))
    expect(await opener.open(far, only(key))).toBe('failed')
    expect(
      text(await opener.open(await sealer.seal(bytes('a').buffer, 0, await ratcheted(key, 16)), only(key))),
    ).toBe('a')
    expect(text(await opener.open(far, only(key)))).toBe('far')
  })

  test('who has only a later step cannot open what was sent before it', async () => {
    const key = await keyFrom('secret')
    const sealed = await sealing.newSealer().seal(bytes('past').buffer, 0, key)
    const { previous: _, ...later } = await ratcheted(key)
    expect(await sealing.newOpener().open(sealed, only(later))).toBe('failed')
  })

  test('a key that took the place of another opens, and the other still does', async () => {
    const [old, next] = [await keyFrom('old'), await keyFrom('next')]
    const sealer = sealing.newSealer()
    const opener = sealing.newOpener()
    const ring = { ...next, previous: old }
    for (const [content, key] of [
      ['1', old],
      ['2', next],
      ['3', old],
    ] as const) {
      expect(text(await opener.open(await sealer.seal(bytes(content).buffer, 0, key), only(ring)))).toBe(
        content,
      )
    }
  })
})

describe('RTC-108: no nonce twice', () => {
  test('counters grow over all that a participant sends, and who comes back has other key ids', async () => {
    const key = await keyFrom('secret')
    const heads = new Set<string>()
    for (let session = 0; session < 20; session++) {
      const sealer = sealing.newSealer()
      const frames = await Promise.all(
        Array.from({ length: 20 }, () => sealer.seal(bytes('same').buffer, 0, key)),
      )
      for (const frame of frames)
        heads.add(Buffer.from(frame).toString('hex', 0, Buffer.from(frame)[0] === 0xf8 ? 10 : 9))
    }
    expect(heads.size).toBe(400)
  })

  test('a frame that comes twice is let through once', async () => {
    const key = await keyFrom('secret')
    const sealed = await sealing.newSealer().seal(bytes('once').buffer, 0, key)
    const opener = sealing.newOpener()
    expect(text(await opener.open(sealed, only(key)))).toBe('once')
    expect(await opener.open(sealed, only(key))).toBe('repeated')
  })
})

/** Made by an implementation of RFC 9605 on `node:crypto`; docs/guides/e2ee.md describes it. */
const vector = '506172f98123456789abc4024567d9ef0e1e75c47d2eb9b83a8aefee03cb67e1383af79b4846c0b27a400f4a03'
