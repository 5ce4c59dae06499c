import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { SyntheticPeer } from '@parley/testing/rtc-client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { CallMember } from './call-member.ts'

const missing = await buildSfu()
const soon = { timeout: 15_000, interval: 50 }

describe.skipIf(missing !== '')(`Bans${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud

  beforeAll(async () => {
    cloud = await startDevCloud({ env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1' } })
  })
  afterAll(() => cloud?.close())

  const inRoom = async () => {
    const { body } = await cloud.call('GET', '/v1/rtc/rooms/live/participants')
    return (body as { items: { userId: string }[] }).items.map(({ userId }) => userId).sort()
  }

  test('RTC-60: a ban ends the places of its user at once, by connection and by WHIP, and nobody else', async () => {
    const publishing = await cloud.token('studio', { grants: { rtc: { room: 'live', publish: true } } })
    const publisher = new SyntheticPeer({ address: '127.0.0.1', send: { audio: true } })
    const response = await fetch(new URL('/v1/rtc/rooms/live/whip', cloud.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${publishing}`, 'content-type': 'application/sdp' },
      body: await publisher.createOffer(),
    })
    expect(response.status).toBe(201)
    publisher.acceptAnswer(await response.text())
    const join = async (userId: string) =>
      CallMember.join({ url: cloud.url, token: await cloud.token(userId), roomId: 'live' })
    const [ann, bob] = [await join('ann'), await join('bob')]
    expect(await inRoom()).toEqual(['ann', 'bob', 'studio'])

    // A ban from one conversation is none from rooms.
    await cloud.call('POST', '/v1/users/bob/restrictions', { kind: 'mute' })
    for (const userId of ['studio', 'ann'])
      expect((await cloud.call('POST', `/v1/users/${userId}/restrictions`, { kind: 'ban' })).status).toBe(201)
    await vi.waitFor(async () => expect(await inRoom()).toEqual(['bob']), soon)
    publisher.close()
    await Promise.all([ann.close(), bob.close()])
  })
})
