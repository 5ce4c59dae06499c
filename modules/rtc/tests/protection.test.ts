import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { SyntheticPeer } from '@parley/testing/rtc-client'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { CallMember } from './call-member.ts'

const missing = await buildSfu()

describe.skipIf(missing !== '')(`protection of pictures${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  const ending: (() => unknown)[] = []

  beforeAll(async () => {
    cloud = await startDevCloud({ env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1' } })
  })
  afterEach(async () => {
    for (const end of ending.splice(0).reverse()) await end()
  })
  afterAll(() => cloud.close())

  const join = async (userId: string, roomId: string, more: object = {}) => {
    const token = await cloud.token(userId)
    const member = await CallMember.join({ url: cloud.url, token, roomId, device: userId, ...more })
    ending.push(() => member.close())
    return member
  }
  /** Sections of a description by their kind. */
  const section = (sdp: string, kind: string) => sdp.split(/^m=/m).find((part) => part.startsWith(kind)) ?? ''

  test('RTC-113: members are offered RED and ULPFEC for pictures, and publishers are not asked to protect', async () => {
    const bob = await join('bob', 'meeting')
    const alice = await join('alice', 'meeting', { send: { audio: true, video: true } })
    await alice.publish()
    const offer = await bob.client.waitFor('rtc.subscribe-offer', ({ sdp }) => /^m=video/m.test(sdp))
    const video = section(offer.sdp, 'video')
    expect(video).toMatch(/^a=rtpmap:116 red\/90000/m)
    expect(video).toMatch(/^a=rtpmap:117 ulpfec\/90000/m)
    expect(video.split('\r\n')[0]).toMatch(/ 116 117$/)
    expect(section(offer.sdp, 'audio')).not.toMatch(/ulpfec/)
    const publisher = new SyntheticPeer({ address: '127.0.0.1', send: { video: true } })
    ending.push(() => publisher.close())
    await alice.client.request('rtc.join', { roomId: 'other' })
    const answer = await alice.client.request('rtc.publish', {
      roomId: 'other',
      sdp: withProtection(await publisher.createOffer(), ['red', 'ulpfec']),
      publications: [{ mid: '0', kind: 'video', source: 'camera' }],
    })
    expect(answer.sdp).not.toMatch(/ (red|ulpfec)\/90000/)
  }, 30_000)

  test.each([
    [['red', 'ulpfec'], true],
    [['red'], false],
    [[], false],
  ])(
    'RTC-113: a player that offers %j gets protection: %s',
    async (names, agreed) => {
      const grants = { rtc: { room: 'live', subscribe: true } }
      const player = new SyntheticPeer({ address: '127.0.0.1', receive: { video: 1 } })
      ending.push(() => player.close())
      const response = await fetch(new URL('/v1/rtc/rooms/live/whep', cloud.url), {
        method: 'POST',
        headers: {
          authorization: `Bearer ${await cloud.token('viewer', { grants })}`,
          'content-type': 'application/sdp',
        },
        body: withProtection(await player.createOffer(), names),
      })
      expect(response.status).toBe(201)
      const answer = await response.text()
      expect(/^a=rtpmap:120 red\/90000/m.test(answer)).toBe(agreed)
      expect(/^a=rtpmap:121 ulpfec\/90000/m.test(answer)).toBe(agreed)
    },
    30_000,
  )
})

/** An offer of one video section that offers these beside its codecs. */
function withProtection(sdp: string, names: readonly string[]): string {
  const numbers = names.map((_, index) => 120 + index)
  const lines = names.map((name, index) => `a=rtpmap:${numbers[index]} ${name}/90000\r\n`)
  return (
    sdp.replace(/^(m=video .*)$/m, `$1${numbers.map((number) => ` ${number}`).join('')}`) + lines.join('')
  )
}
