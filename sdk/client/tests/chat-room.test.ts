import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type ChatRoom, joinChatRoom } from '../src/index.ts'
import { ConnectedClients, until } from './connected-clients.ts'

let cloud: DevCloud
let clients: ConnectedClients

beforeAll(async () => {
  cloud = await startDevCloud({ servers: 2 })
  clients = new ConnectedClients(cloud)
})
afterAll(() => cloud?.close())
afterEach(() => clients?.close())

const connect = (userId: string, server = 0) => clients.connect(userId, { server })

function listen(room: ChatRoom): string[] {
  const heard: string[] = []
  room.on('message', ({ content }) => heard.push(content.type === 'text' ? content.text : content.type))
  return heard
}

test('CHAT-320: a room is heard until it is left, and joined again after a lost connection', async () => {
  await cloud.call('POST', '/v1/chatrooms', { chatRoomId: 'sdk-room' })
  const [ann, bob] = [await connect('ann'), await connect('bob', 1)]
  const ofAnn = await joinChatRoom(ann.chat, 'sdk-room')
  const ofBob = await joinChatRoom(bob.chat, 'sdk-room')
  const heard = listen(ofBob)
  await ofAnn.send({ text: 'one' })
  await until('bob hears', () => heard.length === 1)

  const back = new Promise((resolve) => ofBob.on('rejoined', resolve))
  bob.suspend()
  bob.resume()
  await back
  await ofAnn.send({ text: 'two' })
  await until('bob hears again', () => heard.length === 2)
  await ofBob.leave()
  await ofAnn.send({ text: 'three' })
  const late = await joinChatRoom(bob.chat, 'sdk-room')
  expect(late.recent.length).toBeGreaterThan(0)
  expect(heard).toEqual(['one', 'two'])
})

test('CHAT-323: attributes converge on every client, and whoever is sent out is told why', async () => {
  await cloud.call('POST', '/v1/chatrooms', { chatRoomId: 'sdk-stage', ownerId: 'ann' })
  const [ann, bob] = [await connect('ann'), await connect('bob', 1)]
  const stage = await joinChatRoom(ann.chat, 'sdk-stage')
  const seat = await joinChatRoom(bob.chat, 'sdk-stage')
  await seat.setAttributes({ 'seat-1': 'bob' }, { untilLeave: true })
  await stage.setAttributes({ topic: 'jazz' })
  const values = (room: ChatRoom) =>
    JSON.stringify([...room.attributes].map(([key, { value }]) => [key, value]).sort())
  const both = '[["seat-1","bob"],["topic","jazz"]]'
  await until('both hold both', () => values(stage) === both && values(seat) === both)
  const out = new Promise((resolve) => seat.on('left', resolve))
  await stage.kick('bob', 'enough')
  expect(await out).toEqual({ reason: 'kicked', detail: 'enough' })
  await until('the seat is free', () => values(stage) === '[["topic","jazz"]]')
})
