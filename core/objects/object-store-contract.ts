import { createHash, randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { beforeEach, describe, expect, test } from 'vitest'
import type { ObjectStore } from './object-store.ts'

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function* broken(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
  throw new Error('the sender went away')
}

const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** What every adapter of the port must do. `open` gives an empty store. */
export function objectStoreContract(
  name: string,
  open: () => Promise<ObjectStore>,
  { forgetsDiscarded = true, readsFirstByteAlone = true } = {},
): void {
  describe(`${name} keeps the contract of ObjectStore`, () => {
    let store: ObjectStore
    beforeEach(async () => {
      store = await open()
    })
    const put = (key: string, bytes: Uint8Array, options: { sizeBytes?: number; sha256?: string } = {}) =>
      store.put(key, chunked(bytes, 70_000), { sizeBytes: bytes.length, ...options })
    const read = async (key: string, range?: { start: number; end: number }) =>
      buffer(await store.get(key, range))

    test('what was put is there, byte for byte, and its hash is told', async () => {
      const bytes = randomBytes(300_001)
      expect(await put('a', bytes)).toEqual({ sha256: sha256Of(bytes), created: true })
      expect((await read('a')).equals(bytes)).toBe(true)
      expect(await store.stat('a')).toEqual({ sizeBytes: 300_001 })
    })

    test('an empty object is an object', async () => {
      expect((await put('empty', new Uint8Array())).created).toBe(true)
      expect(await store.stat('empty')).toEqual({ sizeBytes: 0 })
      expect((await read('empty')).length).toBe(0)
    })

    test('a range gives its bytes, both ends included', async () => {
      const bytes = randomBytes(1_000)
      await put('a', bytes)
      if (readsFirstByteAlone) {
        expect((await read('a', { start: 0, end: 0 })).equals(bytes.subarray(0, 1))).toBe(true)
      }
      expect((await read('a', { start: 100, end: 199 })).equals(bytes.subarray(100, 200))).toBe(true)
      expect((await read('a', { start: 999, end: 999 })).equals(bytes.subarray(999))).toBe(true)
    })

    test.each([
      '../escape',
      '/etc/passwd',
      'a/../../b',
      '.',
      '..',
      '',
      'ü\u202e/😀',
      '%2e%2e',
      'a'.repeat(5_000),
    ])('the key %.20j is a name like any other', async (key) => {
      const bytes = Buffer.from(`of ${key}`)
      await put(key, bytes)
      expect((await read(key)).equals(bytes)).toBe(true)
      await store.delete(key)
      expect(await store.stat(key)).toBeUndefined()
    })

    test('keys that differ little are different objects', async () => {
      await put('a', Buffer.from('1'))
      await put('A', Buffer.from('2'))
      await put('a/', Buffer.from('3'))
      expect(String(await read('a')) + String(await read('A')) + String(await read('a/'))).toBe('123')
    })

    test('put does not replace', async () => {
      await put('a', Buffer.from('first'))
      expect((await put('a', Buffer.from('other'))).created).toBe(false)
      expect(String(await read('a'))).toBe('first')
    })

    test('of many puts at once exactly one is kept, whole', async () => {
      const contents = Array.from({ length: 8 }, (_, index) => Buffer.alloc(200_000, index))
      const answers = await Promise.all(contents.map((bytes) => put('a', bytes)))
      expect(answers.filter((answer) => answer.created)).toHaveLength(1)
      const kept = contents[answers.findIndex((answer) => answer.created)]
      expect((await read('a')).equals(kept ?? Buffer.alloc(0))).toBe(true)
    })

    test.each([
      ['fewer bytes', 9, 'size-mismatch'],
      ['more bytes', 11, 'size-mismatch'],
    ])('%s than announced leave nothing', async (_name, length, code) => {
      await expect(put('a', Buffer.alloc(length), { sizeBytes: 10 })).rejects.toMatchObject({ code })
      expect(await store.stat('a')).toBeUndefined()
    })

    test('too many bytes are refused while they come, not at their end', async () => {
      let sent = 0
      async function* endless(): AsyncGenerator<Uint8Array> {
        for (;;) {
          sent += 1_000
          yield Buffer.alloc(1_000)
        }
      }
      await expect(store.put('a', endless(), { sizeBytes: 10_000 })).rejects.toMatchObject({
        code: 'size-mismatch',
      })
      expect(sent).toBeLessThanOrEqual(12_000)
    })

    test('bytes of another hash leave nothing, and the key stays free', async () => {
      const bytes = randomBytes(10)
      const wrong = put('a', bytes, { sha256: sha256Of(Buffer.from('else')) })
      await expect(wrong).rejects.toMatchObject({ code: 'checksum-mismatch' })
      expect(await store.stat('a')).toBeUndefined()
      expect((await put('a', bytes, { sha256: sha256Of(bytes) })).created).toBe(true)
    })

    test('a sender that breaks off leaves nothing', async () => {
      const half = store.put('a', broken(Buffer.alloc(10)), { sizeBytes: 20 })
      await expect(half).rejects.toThrow('went away')
      expect(await store.stat('a')).toBeUndefined()
    })

    test('a store may hold an object that came in pieces of any size', async () => {
      const bytes = randomBytes(20_000_003)
      let progress = await store.begin('a', bytes.length)
      for (const [start, end] of [
        [0, 1],
        [1, 6_000_001],
        [6_000_001, 6_000_001],
        [6_000_001, 19_000_000],
        [19_000_000, bytes.length],
      ] as const) {
        expect(progress.receivedBytes).toBe(start)
        progress = await store.append('a', progress, chunked(bytes.subarray(start, end), 70_001), {
          sizeBytes: bytes.length,
        })
        expect(progress.receivedBytes).toBe(end)
        expect(await store.stat('a')).toBeUndefined()
      }
      expect(await store.finish('a', progress)).toEqual({ created: true })
      expect((await read('a')).equals(bytes)).toBe(true)
    })

    test('an empty object may come in no pieces at all', async () => {
      const progress = await store.begin('a', 0)
      expect(await store.finish('a', progress)).toEqual({ created: true })
      expect(await store.stat('a')).toEqual({ sizeBytes: 0 })
    })

    test('what came before a sender broke off is kept, told of, and gone on with', async () => {
      const bytes = randomBytes(12_000_000)
      let progress = await store.begin('a', bytes.length)
      const half = store.append('a', progress, broken(bytes.subarray(0, 11_000_000)), {
        sizeBytes: bytes.length,
        onDurable: async (durable) => {
          progress = JSON.parse(JSON.stringify(durable))
        },
      })
      await expect(half).rejects.toThrow('went away')
      expect(progress.receivedBytes).toBe(11_000_000)
      const rest = chunked(bytes.subarray(11_000_000), 70_000)
      progress = await store.append('a', progress, rest, { sizeBytes: bytes.length })
      await store.finish('a', progress)
      expect((await read('a')).equals(bytes)).toBe(true)
    })

    test('without a listener append takes all or nothing, and what it had taken is overwritten', async () => {
      const bytes = randomBytes(12_000_000)
      const first = await store.append(
        'a',
        await store.begin('a', bytes.length),
        chunked(bytes.subarray(0, 1_000), 300),
        {
          sizeBytes: bytes.length,
        },
      )
      const half = store.append('a', first, broken(Buffer.alloc(10_000_000)), { sizeBytes: bytes.length })
      await expect(half).rejects.toThrow('went away')
      const whole = await store.append('a', first, chunked(bytes.subarray(1_000), 70_000), {
        sizeBytes: bytes.length,
      })
      await store.finish('a', whole)
      expect((await read('a')).equals(bytes)).toBe(true)
    })

    test('pieces that hold more than was announced are refused while they come', async () => {
      const progress = await store.begin('a', 1_000)
      const tooMuch = store.append('a', progress, chunked(Buffer.alloc(5_000), 300), { sizeBytes: 1_000 })
      await expect(tooMuch).rejects.toMatchObject({ code: 'size-mismatch' })
    })

    test('finish may be repeated, and does not replace', async () => {
      const bytes = randomBytes(1_000)
      const progress = await store.append('a', await store.begin('a', 1_000), chunked(bytes, 300), {
        sizeBytes: 1_000,
      })
      expect(await store.finish('a', progress)).toEqual({ created: true })
      expect(await store.finish('a', progress)).toEqual({ created: false })
      const other = await store.append('a', await store.begin('a', 5), chunked(Buffer.from('other'), 300), {
        sizeBytes: 5,
      })
      expect(await store.finish('a', other)).toEqual({ created: false })
      expect((await read('a')).equals(bytes)).toBe(true)
    })

    test.runIf(forgetsDiscarded)('pieces may be discarded, twice, and are gone then', async () => {
      const progress = await store.append(
        'a',
        await store.begin('a', 2_000),
        chunked(Buffer.alloc(1_000), 300),
        {
          sizeBytes: 2_000,
        },
      )
      await store.discard('a', progress)
      await store.discard('a', progress)
      const more = store.append('a', progress, chunked(Buffer.alloc(1_000), 300), { sizeBytes: 2_000 })
      await expect(more).rejects.toMatchObject({ code: 'object-not-found' })
      await expect(store.finish('a', progress)).rejects.toMatchObject({ code: 'object-not-found' })
    })

    test('what is not there is not found, and may be deleted', async () => {
      await expect(store.get('nothing')).rejects.toMatchObject({ code: 'object-not-found' })
      expect(await store.stat('nothing')).toBeUndefined()
      await store.delete('nothing')
    })
  })
}
