import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { missingForBrowser } from '../../../../modules/rtc/tests/build-sfu.ts'
import { CallMember } from '../../../../modules/rtc/tests/call-member.ts'
import { frameSealing } from '../../src/rtc/transform/frame-sealing.ts'
import { BrowserStage } from './browser-stage.ts'
import type {} from './page.ts'

const missing = await missingForBrowser()
const soon = { timeout: 20_000, interval: 100 }
const red = '#c82020'

describe.skipIf(missing !== '')(
  `end-to-end encryption in Chromium${missing && ` (skipped: ${missing})`}`,
  () => {
    let stage: BrowserStage
    const problems: string[] = []

    beforeAll(async () => {
      stage = await BrowserStage.open()
    })

    afterAll(() => stage?.close())

    async function open(userId: string, before?: () => void): Promise<Page> {
      const page = await stage.newPage((page) => {
        page.on('pageerror', (error) => problems.push(`${userId}: ${error.stack}`))
        return before && page.addInitScript(before)
      })
      await stage.connect(page, userId)
      return page
    }

    /** Joins with a key of 32 equal bytes, or none; publishes a colour and a tone. */
    async function enter(
      userId: string,
      roomId: string,
      options: { key?: number; publishes?: boolean; codec?: 'vp9'; before?: () => void },
    ): Promise<Page> {
      const { key, publishes = false, codec, before } = options
      const page = await open(userId, before)
      await page.evaluate(
        async ([roomId, key, color, codec]) => {
          const { keys, parley, tone, picture, watch, show } = globalThis.page
          if (key !== undefined) await keys.setKey(new Uint8Array(32).fill(key))
          const room = await parley.rtc.join(roomId, { e2ee: { keys }, ...(codec && { codec }) })
          watch(room)
          show(room)
          if (color === '') return
          await room.publish(tone(), { source: 'microphone' })
          await room.publish(picture(color), { source: 'camera' })
        },
        [roomId, key, publishes ? red : '', codec] as const,
      )
      return page
    }

    const received = (page: Page, roomId: string, kind: 'audio' | 'video', fact: string) =>
      page.evaluate(([roomId, kind, fact]) => globalThis.page.received(roomId, kind, fact), [
        roomId,
        kind,
        fact,
      ] as const)
    const events = (page: Page) => page.evaluate(() => globalThis.page.events)
    const setKey = (page: Page, key: number, index = 0) =>
      page.evaluate(([key, index]) => globalThis.page.keys.setKey(new Uint8Array(32).fill(key), { index }), [
        key,
        index,
      ] as const)

    /** The picture of the sender is shown, and its tone heard. */
    async function arrives(page: Page, roomId: string): Promise<void> {
      await vi.waitFor(async () => {
        const [r = 0, g = 255, b = 255] =
          (await page.evaluate((id) => globalThis.page.seenColor(id), roomId)) ?? []
        const facts = ['packetsReceived', 'framesReceived', 'framesDecoded', 'keyFramesDecoded', 'pliCount']
        const counts = await Promise.all(facts.map((fact) => received(page, roomId, 'video', fact)))
        const seen = `${r} ${g} ${b}, ${facts.map((fact, at) => `${fact} ${counts[at]}`).join(', ')}`
        expect(Math.abs(r - 0xc8), `${seen}, ${(await events(page)).join('; ')}`).toBeLessThan(24)
        expect(Math.max(g, b)).toBeLessThan(70)
        expect(await received(page, roomId, 'audio', 'totalAudioEnergy')).toBeGreaterThan(0.01)
      }, soon)
    }
    /** Nothing was decoded, though it came. */
    async function staysClosed(page: Page, roomId: string): Promise<void> {
      await vi.waitFor(async () => {
        expect(await received(page, roomId, 'video', 'packetsReceived')).toBeGreaterThan(100)
        expect(await received(page, roomId, 'audio', 'packetsReceived')).toBeGreaterThan(100)
      }, soon)
      expect(await received(page, roomId, 'video', 'framesDecoded')).toBe(0)
      expect(await received(page, roomId, 'audio', 'totalAudioEnergy')).toBe(0)
      expect(await page.evaluate((id) => globalThis.page.seenColor(id), roomId)).toBeUndefined()
    }
    const close = (...pages: Page[]) => Promise.all(pages.map((page) => page.context().close()))

    test('RTC-105, RTC-107: with the same key picture and sound arrive; with another, or none, nothing does', async () => {
      const alice = await enter('alice', 'sealed', { key: 7, publishes: true })
      const bob = await enter('bob', 'sealed', { key: 7 })
      const carol = await enter('carol', 'sealed', { key: 8 })
      const dave = await enter('dave', 'sealed', {})
      await arrives(bob, 'sealed')
      expect(await events(bob)).toEqual(
        expect.arrayContaining(['e2ee alice audio ok', 'e2ee alice video ok']),
      )
      expect(await events(alice)).toEqual(expect.arrayContaining(['e2ee alice video ok']))
      await staysClosed(carol, 'sealed')
      await staysClosed(dave, 'sealed')
      expect(await events(carol)).toEqual(
        expect.arrayContaining(['e2ee alice audio failed', 'e2ee alice video failed']),
      )
      expect(await events(dave)).toEqual(expect.arrayContaining(['e2ee alice video missing-key']))
      // Who is given the key later sees and hears from then on.
      await setKey(dave, 7)
      await arrives(dave, 'sealed')
      expect(await events(dave)).toEqual(expect.arrayContaining(['e2ee alice video ok']))
      await close(alice, bob, carol, dave)
    }, 90_000)

    test('RTC-106: keys are ratcheted and rotated without a freeze; who has not the new one is out', async () => {
      const alice = await enter('alice', 'rotated', { key: 1, publishes: true })
      const bob = await enter('bob', 'rotated', { key: 1 })
      const carol = await enter('carol', 'rotated', { key: 1 })
      await arrives(bob, 'rotated')
      await arrives(carol, 'rotated')
      const flows = async (page: Page, frames: number) => {
        const before = await received(page, 'rotated', 'video', 'framesDecoded')
        await vi.waitFor(
          async () =>
            expect(await received(page, 'rotated', 'video', 'framesDecoded')).toBeGreaterThan(
              before + frames,
            ),
          soon,
        )
      }
      for (let step = 0; step < 3; step++) {
        await alice.evaluate(() => globalThis.page.keys.ratchet())
        await flows(bob, 5)
      }
      for (const page of [bob, alice]) await setKey(page, 2, 1)
      await alice.evaluate(() => globalThis.page.keys.use(1))
      await flows(bob, 20)
      await vi.waitFor(
        async () => expect(await events(carol)).toContain('e2ee alice video missing-key'),
        soon,
      )
      const ended = await received(carol, 'rotated', 'video', 'framesDecoded')
      await flows(bob, 20)
      expect(await received(carol, 'rotated', 'video', 'framesDecoded')).toBe(ended)
      expect(await received(bob, 'rotated', 'video', 'freezeCount')).toBe(0)
      const told = await events(bob)
      expect(told.filter((event) => event.startsWith('e2ee alice') && !event.endsWith(' ok'))).toEqual([])
      await close(alice, bob, carol)
    }, 90_000)

    test('RTC-105: what passes the server is sealed, and opens with the key alone', async () => {
      const alice = await enter('alice', 'seen', { key: 5, publishes: true })
      const sounds: Buffer[] = []
      const token = await stage.cloud.token('eve')
      const eve = await CallMember.join({
        ...{ url: stage.cloud.url, token, roomId: 'seen', device: 'eve', e2ee: true },
        onRtp: (packet) => {
          const known = eve.subscriber.statistics().inbound
          const isSound = known.some(({ kind, ssrc }) => kind === 'audio' && ssrc === packet.readUInt32BE(8))
          if (isSound) sounds.push(payloadOf(packet))
        },
      })
      await vi.waitFor(() => expect(sounds.length).toBeGreaterThan(100), soon)
      const sealing = frameSealing()
      const keyOf = async (byte: number) => {
        const material = await sealing.importMaterial(new Uint8Array(32).fill(byte))
        return (index: number) => (index === 0 ? { index, step: 0, material } : undefined)
      }
      const [right, wrong] = [await keyOf(5), await keyOf(6)]
      const opener = sealing.newOpener()
      let opened = 0
      for (const sound of sounds) {
        const frame = Uint8Array.from(sound).buffer
        const content = await opener.open(frame, right)
        expect(await sealing.newOpener().open(frame, wrong)).toBe('failed')
        if (typeof content === 'string') continue
        opened++
        // The configuration of the sound is all that stays readable.
        expect(new Uint8Array(content)[0]).toBe(sound[0])
        expect(sound.includes(Buffer.from(content).subarray(1, 9))).toBe(false)
      }
      expect(opened).toBe(sounds.length)
      await eve.close()
      await close(alice)
    }, 60_000)

    test('RTC-104: VP9 is sealed as a whole, each spatial layer for itself, and arrives', async () => {
      const alice = await enter('alice', 'vp9', { key: 3, publishes: true, codec: 'vp9' })
      const bob = await enter('bob', 'vp9', { key: 3 })
      await arrives(bob, 'vp9')
      const codec = await bob.evaluate(async () => {
        const [participant] = globalThis.page.rooms.get('vp9')?.participants.values() ?? []
        const report = await participant?.publication('camera')?.track?.receiver.getStats()
        return [...(report?.values() ?? [])].find(({ type }) => type === 'codec')?.mimeType
      })
      expect(codec).toBe('video/VP9')
      await close(alice, bob)
    }, 60_000)

    test('RTC-103: without a key ring the room is closed, and with one an ordinary room is', async () => {
      const alice = await enter('alice', 'kinds', { key: 1 })
      const bob = await open('bob')
      const refusal = (page: Page, roomId: string, sealed: boolean) =>
        page.evaluate(
          ([roomId, sealed]) => {
            const { parley, keys } = globalThis.page
            return parley.rtc.join(roomId, sealed ? { e2ee: { keys } } : {}).then(
              () => undefined,
              ({ code }: { code: string }) => code,
            )
          },
          [roomId, sealed] as const,
        )
      expect(await refusal(bob, 'kinds', false)).toBe('e2ee-room')
      await stage.cloud.call('POST', '/v1/rtc/rooms', { id: 'ordinary' })
      expect(await refusal(bob, 'ordinary', true)).toBe('e2ee-room')
      await close(alice, bob)
    }, 60_000)

    test('RTC-105: browsers without transforms use streams; those that can do neither say so', async () => {
      const old = () => Reflect.deleteProperty(globalThis, 'RTCRtpScriptTransform')
      const alice = await enter('alice', 'streams', { key: 3, publishes: true, before: old })
      const bob = await enter('bob', 'streams', { key: 3, before: old })
      await arrives(bob, 'streams')
      const carol = await open('carol', () => Reflect.deleteProperty(globalThis, 'Worker'))
      const code = await carol.evaluate(() =>
        globalThis.page.parley.rtc
          .join('streams', { e2ee: { keys: globalThis.page.keys } })
          .catch(({ code }) => code),
      )
      expect(code).toBe('media-unsupported')
      await close(alice, bob, carol)
      expect(problems).toEqual([])
    }, 90_000)
  },
)

/** RFC 3550, section 5.1. */
function payloadOf(packet: Buffer): Buffer {
  const sources = (packet[0] ?? 0) & 0x0f
  const hasExtension = ((packet[0] ?? 0) & 0x10) !== 0
  const at = 12 + sources * 4
  return packet.subarray(hasExtension ? at + 4 + packet.readUInt16BE(at + 2) * 4 : at)
}
