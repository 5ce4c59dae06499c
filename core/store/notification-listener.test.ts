import { openTestDatabase } from '@parley/testing/postgres'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'

let opened: Awaited<ReturnType<typeof openTestDatabase>>

beforeAll(async () => {
  opened = await openTestDatabase()
})

afterAll(() => opened?.close())

test('a notification reaches every handler of its channel, and no other', async () => {
  const sender = await opened.database.listener()
  const receiver = await opened.database.listener()
  const heard: string[] = []
  const both = new Promise<void>((resolve) => {
    const note = (name: string) => (payload: string) => {
      heard.push(`${name} ${payload}`)
      if (heard.length === 2) resolve()
    }
    void receiver.listen('Odd "name"', note('first'))
    void receiver.listen('Odd "name"', note('second'))
    void receiver.listen('another', note('wrong')).then(() => sender.notify('Odd "name"', 'hello'))
  })
  await both
  expect(heard.sort()).toEqual(['first hello', 'second hello'])
  await sender.close()
  await receiver.close()
  await receiver.close()
})

test('after a lost connection it listens again and tells so', async () => {
  const listener = await opened.database.listener()
  const heard: string[] = []
  let arrived = () => {}
  await listener.listen('wake', (payload) => {
    heard.push(payload)
    arrived()
  })
  const reconnected = new Promise<void>((resolve) => listener.onReconnect(resolve))
  const owner = new pg.Client({ connectionString: opened.url })
  await owner.connect()
  await owner.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query ilike 'listen%' and pid <> pg_backend_pid()`,
  )
  await owner.end()
  await reconnected
  const again = new Promise<void>((resolve) => {
    arrived = resolve
  })
  await listener.notify('wake', 'after')
  await again
  expect(heard).toEqual(['after'])
  await listener.close()
})

test('a payload over the promised size is refused', async () => {
  const listener = await opened.database.listener()
  await expect(listener.notify('wake', 'é'.repeat(3_951))).rejects.toThrow(RangeError)
  await listener.notify('wake', 'é'.repeat(3_950))
  await listener.close()
})
