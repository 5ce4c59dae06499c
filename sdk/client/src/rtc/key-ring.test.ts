import { describe, expect, test } from 'vitest'
import { KeyRing } from './key-ring.ts'
import type { KeyOrder } from './transform/transform-worker.ts'

const key = (byte: number) => new Uint8Array(32).fill(byte)
const refused = { code: 'invalid-request' }

function following(ring: KeyRing) {
  const orders: KeyOrder[] = []
  const end = ring.follow((order) => orders.push(order))
  return { orders, end }
}

describe('RTC-106: the key ring', () => {
  test('tells what it holds and what changes, until nobody follows', async () => {
    const ring = new KeyRing()
    await ring.setKey(key(1), { index: 2 })
    const { orders, end } = following(ring)
    expect(orders).toMatchObject([
      { type: 'key', userId: undefined, index: 2, step: 0 },
      { type: 'use', index: 0 },
    ])
    await ring.setKey(key(2), { userId: 'bob' })
    ring.use(2)
    ring.removeKey({ userId: 'bob' })
    expect(orders.slice(2)).toMatchObject([
      { type: 'key', userId: 'bob', index: 0 },
      { type: 'use', index: 2 },
      { type: 'key', userId: 'bob', index: 0, material: undefined },
    ])
    end()
    await ring.setKey(key(3))
    expect(orders).toHaveLength(5)
  })

  test('one passphrase makes one key in one room, another one in another', async () => {
    const made = async (passphrase: string, salt: string) => {
      const ring = new KeyRing()
      await ring.setPassphrase(passphrase, { salt })
      return Buffer.from(ring.keyOf()?.key ?? []).toString('hex')
    }
    const first = await made('correct horse', 'standup')
    expect(first).toHaveLength(64)
    expect(await made('correct horse', 'standup')).toBe(first)
    expect(await made('correct horse', 'retro')).not.toBe(first)
    expect(await made('correct house', 'standup')).not.toBe(first)
  })

  test('a ratcheted key is another one, and can be handed on with its step', async () => {
    const ring = new KeyRing()
    await ring.setKey(key(1))
    await ring.ratchet()
    const given = ring.keyOf()
    expect(given?.step).toBe(1)
    expect(given?.key).not.toEqual(key(1))
    const newcomer = new KeyRing()
    await newcomer.setKey(given?.key ?? key(0), { step: given?.step ?? 0 })
    await Promise.all([newcomer.ratchet(), newcomer.ratchet()])
    await ring.ratchet()
    await ring.ratchet()
    expect(newcomer.keyOf()).toEqual(ring.keyOf())
  })

  test('what cannot be is refused', async () => {
    const ring = new KeyRing()
    await expect(ring.setKey(new Uint8Array(15))).rejects.toMatchObject(refused)
    await expect(ring.setKey(key(1), { index: 16 })).rejects.toMatchObject(refused)
    await expect(ring.setKey(key(1), { step: 256 })).rejects.toMatchObject(refused)
    await expect(ring.ratchet()).rejects.toMatchObject(refused)
    expect(() => ring.use(-1)).toThrow(expect.objectContaining(refused))
    await ring.setKey(key(1), { step: 255 })
    await expect(ring.ratchet()).rejects.toMatchObject(refused)
  })
})
