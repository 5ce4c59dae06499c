import { afterEach, expect, test } from 'vitest'
import { MemoryStorage } from '../storage/memory-storage.ts'
import type { StorageChange } from '../storage/storage.ts'
import { Outbox, type OutboxItem } from './outbox.ts'

/** A storage whose removals and leases take until they are let go, as a busy disk's do. */
class SlowStorage extends MemoryStorage {
  #release: () => void = () => undefined
  #held: Promise<void> | undefined

  hold(): void {
    this.#held = new Promise((resolve) => {
      this.#release = resolve
    })
  }

  letGo(): void {
    this.#held = undefined
    this.#release()
  }

  override async write(changes: readonly StorageChange[]): Promise<void> {
    if (changes.some((change) => 'delete' in change)) await this.#held
    await super.write(changes)
  }

  override async leased(): Promise<string[]> {
    await this.#held
    return super.leased()
  }
}

const opened: Outbox[] = []
afterEach(() => {
  for (const outbox of opened.splice(0)) outbox.close()
})

function make(storage: MemoryStorage) {
  const sent: string[] = []
  const answers: (() => void)[] = []
  const outbox = new Outbox({
    storage,
    owner: 'tab',
    send: (item: OutboxItem) => {
      sent.push(item.clientMessageId)
      const answer = { messageId: 'msg_1', conversationId: 'g', seq: sent.length, createdAt: '' }
      return new Promise((resolve) => answers.push(() => resolve(answer)))
    },
    upload: () => Promise.reject(new Error('no files here')),
    onStorageFailed: (error) => {
      throw error
    },
  })
  opened.push(outbox)
  return {
    outbox,
    sent,
    answerAll: () => {
      for (const answer of answers.splice(0)) answer()
    },
  }
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 5))
const add = (outbox: Outbox, clientMessageId: string) =>
  outbox.add({ clientMessageId, conversationId: 'g', content: { type: 'text', text: clientMessageId } })

test('what was acknowledged is not sent again while its removal is still being written', async () => {
  const storage = new SlowStorage()
  const { outbox, sent, answerAll } = make(storage)
  outbox.handleConnected()
  const acked = add(outbox, 'a')
  await settle()
  storage.hold()
  answerAll()
  await acked
  const loading = outbox.load()
  await settle()
  storage.letGo()
  await loading
  await settle()
  expect(sent).toEqual(['a'])
  expect(outbox.entries('g')).toEqual([])
})

test('what is acknowledged while the storage is being read is not brought back by what was read', async () => {
  const storage = new SlowStorage()
  const { outbox, sent, answerAll } = make(storage)
  outbox.handleConnected()
  const acked = add(outbox, 'a')
  await settle()
  storage.hold()
  const loading = outbox.load()
  await settle()
  answerAll()
  await acked
  storage.letGo()
  await loading
  await settle()
  expect(sent).toEqual(['a'])
  expect(outbox.entries('g')).toEqual([])
})

test('an acknowledged send is told after it has left the outbox, and before anybody is asked to look', async () => {
  const { outbox, answerAll } = make(new MemoryStorage())
  outbox.handleConnected()
  const told: string[] = []
  const acked = add(outbox, 'a')
  outbox.on('acked', () => told.push(`acked, ${outbox.entries('g').length} left`))
  outbox.on('changed', () => told.push('changed'))
  await settle()
  told.length = 0
  answerAll()
  await acked
  expect(told).toEqual(['acked, 0 left', 'changed'])
})

test('what a client left that lives no more is sent by the next, what a living one sends is not', async () => {
  const storage = new MemoryStorage()
  const item = (clientMessageId: string, owner: string, order: number) => ({
    table: 'outbox' as const,
    put: {
      key: clientMessageId,
      value: {
        clientMessageId,
        conversationId: 'g',
        owner,
        order,
        createdAt: '',
        content: { type: 'text', text: '' },
      },
    },
  })
  storage.lease('client alive', () => undefined)
  await storage.write([item('two', 'gone', 2), item('theirs', 'alive', 1), item('one', 'tab', 1)])
  const { outbox, sent } = make(storage)
  await outbox.load()
  outbox.handleConnected()
  expect(sent).toEqual(['one', 'two'])
})
