import { ensureFastpath, loadFastpath, type NativeAddon } from '@parley/fastpath'
import { playoutDelay } from '@parley/protocols/rtp'
import { describe, expect, test } from 'vitest'
import { nackedBy, readVp8, Simulation, vp8 } from '../../../native/fastpath/tests/simulation.ts'
import { UplinkWait } from '../src/room/uplink-wait.ts'
import { randomOf } from './congestion/simulation.ts'

const built = await ensureFastpath()
const addon = 'path' in built ? await loadFastpath() : undefined

const [ssrc, rtxSsrc] = [1001, 2001]
const wayUs = 20_000
const frameMs = 50
const lookMs = 2_000
/** Until the loss is known. */
const settledMs = 8_000
const playoutDelayId = 6

interface Frame {
  madeUs: number
  /** What its receiver was told when it was made. */
  waitMs: number
  /** Packets. */
  missing: number
  /** Beyond the way up. */
  wholeAfterMs: number
}

/** Pictures of one to three packets over a way up that loses them independently, answers as well; requests come whole. */
function publish(loss: number, seconds: number) {
  const world = new Simulation(addon as NativeAddon)
  const publisher = world.join()
  const track = publisher.transport.createTrack({
    ...{ kind: 'video', mid: 'v', extensions: {}, nack: true, layers: [{ ssrc, rtxSsrc }] },
    payloads: [{ payloadType: 96, codec: 'vp8', clockRate: 90_000, rtxPayloadType: 97 }],
  })
  const watcher = world.join({ pacingBitrate: 0 })
  const stream = watcher.transport.createStream(track, {
    ...{ kind: 'video', mid: '7', extensions: { mid: 9, playoutDelay: playoutDelayId }, padTo: 0 },
    payloads: [{ from: 96, payloadType: 120, rtxPayloadType: 121 }],
  })
  const random = randomOf(11)
  const path: { atUs: number; deliver: () => void }[] = []
  const later = (deliver: () => void) => path.push({ atUs: world.now + wayUs, deliver })
  let delivering = false
  let first = true
  publisher.passes = (direction, packet) => {
    if (delivering) return true
    const isMedia = (packet[0] ?? 0) >= 128 && ((packet[1] ?? 0) < 192 || (packet[1] ?? 0) > 223)
    if (direction === 'to-peer') later(() => publisher.receive(packet))
    else if (!isMedia || first || random() >= loss) later(() => publisher.send(packet))
    if (isMedia) first = false
    return false
  }
  const wait = new UplinkWait()
  const frames: Frame[] = []
  const sent: Uint8Array[] = []
  let repeats = 0
  let told: number | undefined
  const make = (picture: number) => {
    const packets = 1 + (picture % 3)
    frames.push({
      madeUs: world.now,
      waitMs: wait.waitMs,
      missing: packets,
      wholeAfterMs: Number.POSITIVE_INFINITY,
    })
    for (let index = 0; index < packets; index++) {
      const payload = vp8({ picture, key: picture === 0, start: index === 0, size: 900 })
      const timestamp = picture * 4_500
      const marker = index === packets - 1
      publisher.sendRtp({ payloadType: 96, ssrc, sequence: sent.length, timestamp, marker, payload })
      sent.push(payload)
    }
  }
  const repeat = (sequence: number) => {
    const payload = Buffer.concat([
      Buffer.from([sequence >> 8, sequence & 255]),
      sent[sequence] ?? Buffer.alloc(0),
    ])
    publisher.sendRtp({ payloadType: 97, ssrc: rtxSsrc, sequence: repeats++, timestamp: 0, payload })
  }
  for (let ms = 0; ms < seconds * 1_000 + 1_000; ms++) {
    // Consent lasts 30 s.
    if (ms % 10_000 === 0) for (const one of [publisher, watcher]) one.bind()
    if (ms % frameMs === 0 && ms < seconds * 1_000) make(ms / frameMs)
    world.run(1)
    delivering = true
    for (const { deliver } of path.filter(({ atUs }) => atUs <= world.now)) deliver()
    delivering = false
    path.splice(0, path.length, ...path.filter(({ atUs }) => atUs > world.now))
    const requests = publisher.takeInbox().rtcp.filter(({ type, count }) => type === 205 && count === 1)
    for (const request of requests) for (const sequence of nackedBy(request)) repeat(sequence)
    for (const packet of watcher.takeInbox().rtp) {
      const delay = packet.extension.get(playoutDelayId)
      told = delay && playoutDelay.parse(delay).minMs
      const frame = frames[readVp8(packet.payload).picture]
      if (frame === undefined || --frame.missing > 0) continue
      frame.wholeAfterMs = (world.now - frame.madeUs - wayUs) / 1_000
    }
    if (ms % lookMs === 0 && wait.update(world.sfu.stats().tracks[0]?.layers ?? [])) {
      stream.setPlayoutDelay({ minMs: wait.waitMs, maxMs: 10_000 })
    }
  }
  world.close()
  const judged = frames.slice(settledMs / frameMs)
  const within = (limit: (frame: Frame) => number) =>
    judged.filter((frame) => frame.wholeAfterMs <= limit(frame)).length / judged.length
  return { waitMs: wait.waitMs, told, unaided: within(() => 20), waited: within(({ waitMs }) => waitMs) }
}

describe.skipIf(!addon)('pictures on a way up that loses packets independently, on a virtual clock', () => {
  test.each([0.05, 0.1, 0.2, 0.3])('RTC-170: at a loss of %f', (loss) => {
    const { waitMs, told, unaided, waited } = publish(loss, 60)
    expect(unaided).toBeLessThan(1 - loss)
    expect(waited).toBeGreaterThanOrEqual(0.98)
    expect(waitMs).toBeLessThanOrEqual(350)
    expect(told).toBe(waitMs - (waitMs % 10))
  })

  test('RTC-170: nothing is told where nothing is lost', () => {
    expect(publish(0, 20)).toMatchObject({ waitMs: 0, told: undefined, unaided: 1 })
  })
})
