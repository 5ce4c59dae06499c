import { mediaWorkers } from '@parley/testing/media-workers'
import { createWeakNetwork, type WeakNetwork } from '@parley/testing/weaknet'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { missingForBrowser } from '../../../../modules/rtc/tests/build-sfu.ts'
import { BrowserStage } from './browser-stage.ts'
import type {} from './page.ts'

const missing = await missingForBrowser()
const soon = { timeout: 15_000, interval: 50 }
const roomId = 'standup'

describe.skipIf(missing !== '')(`rooms in Chromium${missing && ` (skipped: ${missing})`}`, () => {
  let stage: BrowserStage
  let alice: Page
  let bob: Page
  const problems: string[] = []
  const networks: WeakNetwork[] = []
  let isRelayed = false

  beforeAll(async () => {
    // Each on a worker of its own, so that all of this goes over a leg between two.
    stage = await BrowserStage.open({ PARLEY_RTC_WORKERS: '2', PARLEY_RTC_ROOM_SPREAD: '1' })
    alice = await open('alice', {
      rtc: { room: roomId, publish: true, subscribe: true, admin: true },
    })
    bob = await open('bob', { rtc: { room: roomId, publish: true, subscribe: true } })
  })

  afterAll(async () => {
    await stage?.close()
    for (const network of networks) network.close()
  })

  async function open(userId: string, grants: object): Promise<Page> {
    const page = await stage.newPage((page) => {
      page.on('pageerror', (error) => problems.push(`${userId}: ${error.stack}`))
      return page.exposeFunction('mediaRelayPort', async (port: number) => {
        if (!isRelayed || userId !== 'bob') return 0
        const network = await createWeakNetwork({ target: { address: '127.0.0.1', port } })
        networks.push(network)
        return network.port
      })
    })
    await stage.connect(page, userId, { grants: { ...grants, chat: { send: true, read: true } } })
    return page
  }

  const join = (page: Page, options: { audio?: boolean; video?: boolean; name?: string }) =>
    page.evaluate(
      async ([roomId, options]) => {
        const room = await globalThis.page.parley.rtc.join(roomId, options)
        globalThis.page.watch(room)
        return room.local.id
      },
      [roomId, options] as const,
    )
  const received = (page: Page, kind: 'audio' | 'video', fact: string, source?: string) =>
    page.evaluate(([roomId, kind, fact, source]) => globalThis.page.received(roomId, kind, fact, source), [
      roomId,
      kind,
      fact,
      source,
    ] as const)
  const flows = async (page: Page, kind: 'audio' | 'video', fact: string, source?: string) => {
    const before = await received(page, kind, fact, source)
    await vi.waitFor(
      async () => expect(await received(page, kind, fact, source)).toBeGreaterThan(before + 10),
      soon,
    )
  }
  const state = (page: Page) =>
    page.evaluate((roomId) => globalThis.page.rooms.get(roomId)?.state.status, roomId)
  /** What a page sees of the first other participant. */
  const other = (page: Page) =>
    page.evaluate((roomId) => {
      const [participant] = globalThis.page.rooms.get(roomId)?.participants.values() ?? []
      if (!participant) return undefined
      const of = (source: 'camera' | 'microphone' | 'screen') => {
        const publication = participant.publication(source)
        return publication && { muted: publication.muted, isSubscribed: publication.track !== undefined }
      }
      const { id, userId, name } = participant
      return { id, userId, name, camera: of('camera'), microphone: of('microphone'), screen: of('screen') }
    }, roomId)

  test('both join, and each sees and hears the other', async () => {
    await join(alice, { audio: true, video: true, name: 'Alice' })
    await join(bob, { audio: true, video: true })
    for (const page of [alice, bob]) {
      await vi.waitFor(async () => {
        expect(await received(page, 'video', 'framesDecoded')).toBeGreaterThan(0)
        expect(await received(page, 'audio', 'totalAudioEnergy')).toBeGreaterThan(0)
      }, soon)
    }
    expect(await other(bob)).toMatchObject({ userId: 'alice', name: 'Alice', camera: { muted: false } })
    expect(await other(alice)).toMatchObject({ userId: 'bob' })
  })

  test('the size of the element decides which layer comes, and no element in view means none', async () => {
    const height = () => received(bob, 'video', 'frameHeight', 'camera')
    await vi.waitFor(async () => expect(await height()).toBe(720), soon)
    await bob.evaluate((roomId) => {
      const [participant] = globalThis.page.rooms.get(roomId)?.participants.values() ?? []
      const video = document.createElement('video')
      video.style.cssText = 'position: fixed; top: 0; width: 240px; height: 135px'
      video.muted = true
      document.body.append(video)
      participant?.publication('camera')?.attach(video)
    }, roomId)
    await vi.waitFor(async () => expect(await height()).toBe(180), soon)
    await bob.evaluate(() => {
      for (const video of document.querySelectorAll('video')) video.style.top = '-9000px'
    })
    await vi.waitFor(async () => {
      const before = await received(bob, 'video', 'packetsReceived')
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(await received(bob, 'video', 'packetsReceived')).toBe(before)
    }, soon)
    await bob.evaluate(() => {
      for (const video of document.querySelectorAll('video'))
        video.style.cssText = 'position: fixed; top: 0; width: 1280px; height: 720px'
    })
    await vi.waitFor(async () => expect(await height()).toBe(720), soon)
  })

  test('mute and camera off reach the other side, and what was off comes back', async () => {
    const set = (source: 'microphone' | 'camera', on: boolean) =>
      alice.evaluate(
        async ([roomId, source, on]) => {
          const room = globalThis.page.rooms.get(roomId)
          await (source === 'camera' ? room?.setCamera(on) : room?.setMicrophone(on))
          return room?.local.publication(source)?.track.readyState
        },
        [roomId, source, on] as const,
      )
    expect(await set('microphone', false)).toBe('live')
    expect(await set('camera', false)).toBe('ended')
    await vi.waitFor(async () => {
      expect(await other(bob)).toMatchObject({ camera: { muted: true }, microphone: { muted: true } })
    }, soon)
    await set('microphone', true)
    expect(await set('camera', true)).toBe('live')
    await vi.waitFor(async () => {
      expect(await other(bob)).toMatchObject({ camera: { muted: false }, microphone: { muted: false } })
    }, soon)
    await flows(bob, 'video', 'framesDecoded', 'camera')
    await flows(bob, 'audio', 'packetsReceived')
  })

  test('a screen is shared, ended and shared again in the same section', async () => {
    for (const _ of [1, 2]) {
      await alice.evaluate(async (roomId) => {
        await globalThis.page.rooms.get(roomId)?.startScreenShare()
      }, roomId)
      await vi.waitFor(async () => {
        expect(await received(bob, 'video', 'framesDecoded', 'screen')).toBeGreaterThan(0)
      }, soon)
      await alice.evaluate((roomId) => globalThis.page.rooms.get(roomId)?.stopScreenShare(), roomId)
      await vi.waitFor(async () => expect((await other(bob))?.screen).toBeUndefined(), soon)
    }
    await flows(bob, 'video', 'framesDecoded', 'camera')
  })

  test('statistics and quality come each two seconds', async () => {
    const statistics = await alice.evaluate(
      (roomId) =>
        new Promise<{ published: unknown[]; received: { kbps: number }[] }>((resolve) => {
          const stop = globalThis.page.rooms.get(roomId)?.on('statistics', (snapshot) => {
            stop?.()
            resolve(JSON.parse(JSON.stringify(snapshot)))
          })
        }),
      roomId,
    )
    expect(statistics.published.length).toBeGreaterThanOrEqual(4)
    expect(statistics.received.every(({ kbps }) => kbps > 0)).toBe(true)
  })

  test('a lost socket: media goes on, and the place is taken up again', async () => {
    const ids = () =>
      bob.evaluate((roomId) => {
        const local = globalThis.page.rooms.get(roomId)?.local
        return [local?.id, ...(local?.publications.keys() ?? [])]
      }, roomId)
    const before = await ids()
    await bob.evaluate(() => globalThis.page.parley.suspend())
    expect(await state(bob)).toBe('reconnecting')
    await flows(bob, 'video', 'framesDecoded', 'camera')
    await flows(alice, 'video', 'framesDecoded')
    await bob.evaluate(() => globalThis.page.parley.resume())
    await vi.waitFor(async () => expect(await state(bob)).toBe('connected'), soon)
    expect(await ids()).toEqual(before)
    await flows(alice, 'video', 'framesDecoded')
    expect(
      await alice.evaluate(() => globalThis.page.events.filter((event) => event.startsWith('left'))),
    ).toEqual([])
  })

  test('what changed while the socket was away is there after it', async () => {
    await bob.evaluate(() => globalThis.page.parley.suspend())
    await alice.evaluate(async (roomId) => {
      await globalThis.page.rooms.get(roomId)?.startScreenShare()
    }, roomId)
    await bob.evaluate((roomId) => globalThis.page.rooms.get(roomId)?.setMicrophone(false), roomId)
    await bob.evaluate(() => globalThis.page.parley.resume())
    await vi.waitFor(async () => {
      expect(await received(bob, 'video', 'framesDecoded', 'screen')).toBeGreaterThan(0)
      expect(await other(alice)).toMatchObject({ microphone: { muted: true } })
    }, soon)
    await alice.evaluate((roomId) => globalThis.page.rooms.get(roomId)?.stopScreenShare(), roomId)
    await bob.evaluate((roomId) => globalThis.page.rooms.get(roomId)?.setMicrophone(true), roomId)
  })

  test('a cut network path is found again by an ICE restart of both connections', async () => {
    isRelayed = true
    await bob.evaluate((roomId) => globalThis.page.rooms.get(roomId)?.leave(), roomId)
    await join(bob, { audio: true, video: true })
    await flows(bob, 'video', 'framesDecoded', 'camera')
    await flows(alice, 'video', 'framesDecoded')
    const before = await bob.evaluate((roomId) => globalThis.page.rooms.get(roomId)?.local.id, roomId)
    expect(networks.length).toBeGreaterThan(0)
    isRelayed = false
    for (const network of networks.splice(0)) network.close()
    await vi.waitFor(async () => expect(await state(bob)).toBe('reconnecting'), soon)
    await vi.waitFor(async () => expect(await state(bob)).toBe('connected'), soon)
    await flows(bob, 'video', 'framesDecoded', 'camera')
    await flows(alice, 'video', 'framesDecoded')
    expect(await bob.evaluate((roomId) => globalThis.page.rooms.get(roomId)?.local.id, roomId)).toBe(before)
  }, 60_000)

  test('RTC-20: a media worker dies: room, participants, publications and wishes stay, and media flows again', async () => {
    const view = (page: Page) =>
      page.evaluate((roomId) => {
        const room = globalThis.page.rooms.get(roomId)
        const remote = [...(room?.participants.values() ?? [])].flatMap(({ publications }) =>
          [...publications.values()].map(({ id, source }) => ({ id, source })),
        )
        return { id: room?.local.id, local: [...(room?.local.publications.keys() ?? [])], remote }
      }, roomId)
    const reason = () =>
      bob.evaluate((roomId) => {
        const [participant] = globalThis.page.rooms.get(roomId)?.participants.values() ?? []
        return participant?.publication('microphone')?.delivery.reason
      }, roomId)
    const setHearing = (subscribed: boolean) =>
      bob.evaluate(
        ([roomId, subscribed]) => {
          const room = globalThis.page.rooms.get(roomId)
          const [participant] = room?.participants.values() ?? []
          const microphone = participant?.publication('microphone')
          if (microphone) room?.setSubscribed(microphone, subscribed)
        },
        [roomId, subscribed] as const,
      )
    await setHearing(false)
    await vi.waitFor(async () => expect(await reason()).toBe('disabled-by-subscriber'), soon)
    const before = [await view(alice), await view(bob)]
    const eventsOf = (page: Page) => page.evaluate(() => [...globalThis.page.events])
    const events = [await eventsOf(alice), await eventsOf(bob)]
    // A new connection brings it under another SSRC.
    const ssrcOf = (page: Page) => received(page, 'video', 'ssrc', 'camera')
    const ssrcs = await Promise.all([alice, bob].map(ssrcOf))
    const endedAt = performance.now()
    for (const pid of mediaWorkers()) process.kill(pid, 'SIGKILL')
    const restarted = async (page: Page, ssrcBefore: number) => {
      await vi.waitFor(async () => {
        expect(await ssrcOf(page)).not.toBe(ssrcBefore)
        expect(await received(page, 'video', 'framesDecoded', 'camera')).toBeGreaterThan(0)
      }, soon)
      return performance.now() - endedAt
    }
    const gaps = await Promise.all([restarted(alice, ssrcs[0] ?? 0), restarted(bob, ssrcs[1] ?? 0)])
    if (process.env.PARLEY_TABLES === '1') {
      process.stdout.write(`pictures after a worker is killed: ${gaps.map(Math.round).join(' and ')} ms\n`)
    }
    expect([await view(alice), await view(bob)]).toEqual(before)
    expect([await eventsOf(alice), await eventsOf(bob)]).toEqual(events)
    expect(await reason()).toBe('disabled-by-subscriber')
    await setHearing(true)
    await flows(bob, 'video', 'framesDecoded', 'camera')
    await flows(bob, 'audio', 'packetsReceived')
    await flows(alice, 'video', 'framesDecoded')
    const isShown = await bob.evaluate((roomId) => {
      const [participant] = globalThis.page.rooms.get(roomId)?.participants.values() ?? []
      const element = document.createElement('video')
      participant?.publication('camera')?.attach(element)
      const stream = element.srcObject as MediaStream | null
      const isLive = stream?.getVideoTracks()[0]?.readyState
      participant?.publication('camera')?.detach(element)
      return isLive
    }, roomId)
    expect(isShown).toBe('live')
  }, 30_000)

  test('a moderator mutes and removes; whoever was removed may not go on and knows why', async () => {
    await alice.evaluate(async (roomId) => {
      const room = globalThis.page.rooms.get(roomId)
      const [participant] = room?.participants.values() ?? []
      const microphone = participant?.publication('microphone')
      if (microphone) await room?.muteOther(microphone)
    }, roomId)
    await vi.waitFor(async () => {
      const muted = await bob.evaluate(
        (roomId) => globalThis.page.rooms.get(roomId)?.local.publication('microphone')?.muted,
        roomId,
      )
      expect(muted).toBe(true)
    }, soon)
    const refused = await bob.evaluate(async (roomId) => {
      const room = globalThis.page.rooms.get(roomId)
      const [participant] = room?.participants.values() ?? []
      return participant && room?.remove(participant).catch(({ code }) => code as string)
    }, roomId)
    expect(refused).toBe('grant-missing')
    await alice.evaluate(async (roomId) => {
      const room = globalThis.page.rooms.get(roomId)
      for (const participant of room?.participants.values() ?? []) await room?.remove(participant)
    }, roomId)
    await vi.waitFor(async () => {
      expect(await bob.evaluate(() => globalThis.page.events)).toContain('closed removed')
      expect(await other(alice)).toBeUndefined()
    }, soon)
  })

  test('leave and come back; a room that no grant opens is refused with its code', async () => {
    await join(bob, { video: true })
    await vi.waitFor(
      async () => expect(await other(alice)).toMatchObject({ camera: { isSubscribed: true } }),
      soon,
    )
    await bob.evaluate((roomId) => globalThis.page.rooms.get(roomId)?.leave(), roomId)
    await vi.waitFor(async () => expect(await other(alice)).toBeUndefined(), soon)
    const code = await bob.evaluate(() =>
      globalThis.page.parley.rtc.join('another', { audio: true }).then(
        () => 'joined',
        (error) => error.code as string,
      ),
    )
    expect(code).toBe('grant-missing')
    expect(problems).toEqual([])
  })
})
