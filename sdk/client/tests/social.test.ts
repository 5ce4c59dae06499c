import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  blocksOf,
  followsOf,
  friendsOf,
  interactionsOf,
  momentsOf,
  Parley,
  profilesOf,
  type SocialEvent,
} from '../src/index.ts'

let cloud: DevCloud
const opened: Parley[] = []
beforeAll(async () => {
  cloud = await startDevCloud({ servers: 2, env: { PARLEY_RTC: 'off' } })
})
afterAll(async () => {
  for (const parley of opened) await parley.close()
  await cloud.close()
})

async function connect(userId: string, server: number): Promise<Parley> {
  const url = cloud.servers[server]?.url ?? cloud.url
  const parley = await Parley.connect({ url, getToken: () => cloud.token(userId) })
  opened.push(parley)
  return parley
}

test('SOC-10, SOC-51, SOC-70, SOC-1: two clients befriend, share a moment, answer it and part', async () => {
  const ann = await connect('ann', 0)
  const bob = await connect('bob', 1)
  const heard: SocialEvent[] = []
  const waiting: (() => void)[] = []
  bob.on('social', (event) => {
    heard.push(event)
    for (const wake of waiting.splice(0)) wake()
  })
  const hear = async (type: SocialEvent['type']): Promise<SocialEvent> => {
    for (;;) {
      const event = heard.find((each) => each.type === type)
      if (event) return event
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
  }

  await friendsOf(ann.chat).request('bob', { message: 'it is me' })
  const asked = await hear('friend.requested')
  if (asked.type !== 'friend.requested') throw new Error('another event')
  await friendsOf(bob.chat).accept(asked.request.id)
  expect((await friendsOf(ann.chat).list()).items.map(({ userId }) => userId)).toEqual(['bob'])
  await profilesOf(ann.chat).update({ fields: { signature: 'hi' }, visibility: { signature: 'friends' } })
  expect((await profilesOf(bob.chat).get(['ann'])).items[0]?.fields).toEqual({ signature: 'hi' })

  const moment = await momentsOf(ann.chat).create({ text: 'hello', mentions: ['bob'] })
  await hear('moment.created')
  await hear('interaction.created')
  expect((await momentsOf(bob.chat).timeline()).items).toMatchObject([{ id: moment.id, text: 'hello' }])
  await momentsOf(bob.chat).like(moment.id)
  await momentsOf(bob.chat).comment(moment.id, 'well said')
  const { items, unread } = await interactionsOf(ann.chat).list()
  expect(items.map(({ kind }) => kind)).toEqual(['commented', 'liked'])
  expect(unread).toBe(2)
  expect(await interactionsOf(ann.chat).read(items[0]?.no ?? 0)).toMatchObject({ unread: 0 })

  await blocksOf(ann.chat).add('bob')
  expect((await momentsOf(bob.chat).timeline()).items).toEqual([])
  await expect(followsOf(bob.chat).add('ann')).rejects.toMatchObject({ code: 'blocked' })
  expect((await followsOf(ann.chat).relation('bob')).blocked).toBe(true)
})

test('SOC-35: a user is found by id over the realtime connection', async () => {
  const [cleo, dora] = [await connect('cleo', 0), await connect('dora', 1)]
  const { items } = await profilesOf(cleo.chat).search({ exactId: dora.userId })
  expect(items.map(({ userId }) => userId)).toEqual(['dora'])
})
