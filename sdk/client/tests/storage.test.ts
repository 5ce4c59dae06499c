import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { describe, expect, test } from 'vitest'
import { indexedDbStorage, memoryStorage, type OpenStorage } from '../src/index.ts'

const stores: [string, () => OpenStorage][] = [
  ['memory', () => memoryStorage],
  [
    'IndexedDB',
    () => indexedDbStorage({ factory: new IDBFactory(), keyRange: IDBKeyRange, locks: fakeLocks() }),
  ],
]

describe.each(stores)('storage in %s', (_name, make) => {
  const put = (key: string, value: unknown = key) => ({ table: 'entries' as const, put: { key, value } })
  const keys = (records: { key: string }[]) => records.map(({ key }) => key)

  test('reads ranges in the order of keys, from either end, with a limit', async () => {
    const storage = await make()('one')
    await storage.write(['b', 'a\u00000002', 'a\u00000001', 'a\u00000010', 'c'].map((key) => put(key)))
    const range = { from: 'a\u0000', to: 'a\u0000\uffff' }
    expect(keys(await storage.read('entries', range))).toEqual(['a\u00000001', 'a\u00000002', 'a\u00000010'])
    expect(keys(await storage.read('entries', { ...range, limit: 1 }))).toEqual(['a\u00000001'])
    const last = await storage.read('entries', { ...range, limit: 2, lastFirst: true })
    expect(keys(last)).toEqual(['a\u00000010', 'a\u00000002'])
    expect(keys(await storage.read('entries'))).toHaveLength(5)
    expect(await storage.read('outbox')).toEqual([])
    storage.close()
  })

  test('applies the changes of one write in their order', async () => {
    const storage = await make()('one')
    await storage.write([
      put('a', 1),
      put('b', 1),
      { table: 'entries', delete: { from: 'a', to: 'a' } },
      put('b', 2),
    ])
    await storage.write([{ table: 'entries', delete: { from: 'x', to: 'z' } }])
    expect(await storage.read('entries')).toEqual([{ key: 'b', value: 2 }])
    storage.close()
  })

  test('keeps values apart from what the caller does to them later', async () => {
    const storage = await make()('one')
    const value = { text: 'one', file: new Uint8Array([1, 2, 3]) }
    const written = storage.write([put('a', value)])
    value.text = 'two'
    await written
    expect(await storage.read('entries')).toMatchObject([{ value: { text: 'one' } }])
    storage.close()
  })

  test('grants a lease and tells who holds one', async () => {
    const storage = await make()('one')
    let held: () => void = () => undefined
    const granted = new Promise<void>((resolve) => {
      held = resolve
    })
    const release = storage.lease('cache', held)
    await granted
    expect(await storage.leased()).toEqual(['cache'])
    release()
    await Promise.resolve()
    expect(await storage.leased()).toEqual([])
    storage.close()
  })
})

/** Web Locks as far as the storage uses them; the browser's own are driven by the demo's test. */
function fakeLocks(): LockManager {
  const held = new Set<string>()
  return {
    request: async (name: string, _options: unknown, callback: (lock: Lock) => Promise<void>) => {
      held.add(name)
      await callback({ name, mode: 'exclusive' })
      held.delete(name)
    },
    query: async () => ({
      held: [...held].map((name) => ({ name, mode: 'exclusive' as const })),
      pending: [],
    }),
  } as unknown as LockManager
}
