import { type PlayoutDelay, playoutDelay } from '@parley/protocols/rtp'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { createWeakNetwork, type WeakNetwork, type WeakNetworkOptions } from '@parley/testing/weaknet'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { readRtp } from '../../../native/fastpath/tests/simulation.ts'
import { buildSfu } from './build-sfu.ts'
import { CallMember } from './call-member.ts'

const missing = await buildSfu()
/** As the server offers it. */
const playoutDelayId = 6
const soon = { timeout: 20_000, interval: 50 }

describe.skipIf(missing !== '')(`weak networks${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  let members: CallMember[] = []
  let networks: WeakNetwork[] = []

  beforeAll(async () => {
    cloud = await startDevCloud({ env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1' } })
  })
  afterEach(async () => {
    await Promise.all(members.map((member) => member.close()))
    for (const network of networks) network.close()
    members = []
    networks = []
  })
  afterAll(() => cloud.close())

  const layers = [
    { rid: 'q', bitrateKbps: 100, width: 320, height: 180 },
    { rid: 'f', bitrateKbps: 600, width: 1280, height: 720 },
  ]
  /** Alice publishes, Bob receives over a network of this kind. */
  async function call(roomId: string, weather: Omit<WeakNetworkOptions, 'target'>): Promise<CallMember> {
    const join = async (userId: string, more: object) => {
      const token = await cloud.token(userId)
      const member = await CallMember.join({ url: cloud.url, token, roomId, device: userId, ...more })
      members.push(member)
      return member
    }
    const alice = await join('alice', { send: { audio: true, video: { layers } } })
    let network: WeakNetwork | undefined
    const bob = await join('bob', {
      receiveVia: async (port: number) => {
        network ??= await createWeakNetwork({ target: { address: '127.0.0.1', port }, ...weather })
        networks.push(network)
        return network.port
      },
    })
    await alice.publish()
    return bob
  }
  const picture = (member: CallMember) =>
    member.subscriber.statistics().inbound.find(({ kind }) => kind === 'video')

  test('RTC-9: at 5 % loss and 100 ms the picture is whole, because what is lost is sent again', async () => {
    const bob = await call('lossy', { up: { delayMs: 50 }, down: { delayMs: 50, loss: 0.05 }, seed: 7 })
    await vi.waitFor(() => expect(picture(bob)?.frames).toBeGreaterThan(150), soon)
    const seen = picture(bob)
    expect(seen?.width).toBe(1280)
    expect(seen?.recovered).toBeGreaterThan(5)
    expect(seen?.abandoned).toBeLessThan(5)
    expect(seen?.keyFramesRequested).toBeLessThan(5)
  }, 40_000)

  test('RTC-170: receivers are told to wait for what its publisher’s path loses', async () => {
    const join = async (userId: string, more: object) => {
      const token = await cloud.token(userId)
      const member = await CallMember.join({
        url: cloud.url,
        token,
        roomId: 'lossy-up',
        device: userId,
        ...more,
      })
      members.push(member)
      return member
    }
    const alice = await join('alice', {
      send: { audio: true, video: { layers } },
      publishVia: async (port: number) => {
        const weather = { up: { delayMs: 20, loss: 0.1 }, down: { delayMs: 20 }, seed: 5 }
        const network = await createWeakNetwork({ target: { address: '127.0.0.1', port }, ...weather })
        networks.push(network)
        return network.port
      },
    })
    const told: PlayoutDelay[] = []
    const onRtp = (packet: Buffer) => {
      const delay = readRtp(packet).extension.get(playoutDelayId)
      if (delay !== undefined) told.push(playoutDelay.parse(delay))
    }
    await join('bob', { onRtp })
    await alice.publish()
    await vi.waitFor(() => expect(told).not.toEqual([]), soon)
    expect(told[0]?.minMs).toBeGreaterThan(0)
    expect(told[0]?.maxMs).toBe(10_000)
  }, 40_000)

  test('RTC-17, RTC-50: a path that carries 450 kbit/s gets a smaller picture, and the reason', async () => {
    const bob = await call('narrow', { down: { rateKbps: 450, queueBytes: 20_000 }, seed: 3 })
    await bob.client.waitFor('rtc.subscription-changed', ({ reason }) => reason === 'bandwidth', 20_000)
    await vi.waitFor(() => expect(picture(bob)?.width).toBe(320), soon)
    const { limit } = await bob.client.waitFor(
      'rtc.path-measured',
      ({ target }) => target < 1_000_000,
      20_000,
    )
    expect(['delay', 'loss']).toContain(limit)
  }, 40_000)

  test('RTC-52: the publisher hears which of its layers nobody watches', async () => {
    const bob = await call('small', {})
    await vi.waitFor(() => expect(picture(bob)?.width).toBe(1280), soon)
    const alice = members[0]
    const publicationId = alice?.publications.find(({ mid }) => mid === '1')?.id ?? ''
    const { roomId } = bob
    await bob.client.request('rtc.subscriptions', {
      roomId,
      items: [{ publicationId, width: 200, height: 112 }],
    })
    const told = await alice?.client.waitFor('rtc.publication-layers', () => true, 20_000)
    expect(told).toMatchObject({ publicationId, active: [true, false] })
    await bob.client.request('rtc.subscriptions', { roomId, items: [{ publicationId }] })
    await alice?.client.waitFor('rtc.publication-layers', ({ active }) => active.every(Boolean), 20_000)
  }, 60_000)
})
