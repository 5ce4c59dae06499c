import { setTimeout as sleep } from 'node:timers/promises'
import { rewriteCandidates, SyntheticPeer } from '@parley/testing/rtc-client'
import { createWeakNetwork, type WeakNetwork } from '@parley/testing/weaknet'
import { JanusDoor } from './janus/janus-door.ts'
import type { Negotiation } from './load/door.ts'
import { ParleyDoor } from './parley/parley-door.ts'
import type { SfuTarget, TargetName } from './target.ts'

/** One picture over a bad last mile. */
export interface WeakFigures {
  name: TargetName
  framesPerSecond: number
  /** Frames that could be decoded, of those that were sent. */
  deliveredPercent: number
  recovered: number
  keyFramesRequested: number
  /** Decodable within 400 ms of their making, of those that were sent. */
  onTimePercent: number
  delayP50Ms: number
  delayP95Ms: number
  delayMaxMs: number
  /** Packets that left for the subscriber, of any kind, for each that was published. */
  packetsRatio: number
}

const loss = 0.05
const delayMs = 100
const sentPerSecond = 30
const onTimeMs = 400

/** One publisher on a good path, one subscriber behind 5 % loss and 100 ms each way; both repair as browsers do. */
export async function measureWeakNetwork(
  target: SfuTarget,
  seconds: number,
  say: (line: string) => void,
): Promise<WeakFigures> {
  const address = target.door('weak')
  const door = address.kind === 'janus' ? await JanusDoor.open(address) : new ParleyDoor(address)
  const publisher = new SyntheticPeer({
    send: { audio: true, video: { layers: [{ bitrateKbps: 1_200, width: 1280, height: 720 }] } },
  })
  const subscriber = new SyntheticPeer({ address: '127.0.0.1', receive: { audio: 1, video: 1 } })
  let network: WeakNetwork | undefined
  const reroute = async (sdp: string): Promise<string> => {
    const [, address = '127.0.0.1', port = '0'] = /a=candidate:\S+ 1 udp \d+ ([\d.]+) (\d+)/i.exec(sdp) ?? []
    network ??= await createWeakNetwork({
      ...{ target: { address, port: Number(port) }, up: { loss, delayMs }, down: { loss, delayMs }, seed: 7 },
    })
    const other = { address: network.address, port: network.port }
    return rewriteCandidates(sdp, (one) => (one.address === address ? { ...one, ...other } : undefined))
  }
  const rerouted = new Set<Promise<void>>()
  const publishing: Negotiation = {
    offer: () => publisher.createOffer(),
    accept: (sdp) => publisher.acceptAnswer(sdp),
    answer: (sdp) => publisher.acceptOffer(sdp),
  }
  const playing: Negotiation = {
    offer: () => subscriber.createOffer(),
    accept: (sdp) => rerouted.add(reroute(sdp).then((text) => subscriber.acceptAnswer(text))),
    answer: async (sdp) => subscriber.acceptOffer(await reroute(sdp)),
  }
  try {
    for (const { connected } of [publisher, subscriber]) connected.catch(() => undefined)
    await door.publish(publishing)
    await publisher.connected
    await door.play(playing)
    await Promise.all(rerouted)
    await subscriber.connected
    await sleep(3_000)
    const picture = () => subscriber.statistics().inbound.find(({ kind }) => kind === 'video')
    const audioAndVideo = () => publisher.statistics().outbound
    const published = () => audioAndVideo().reduce((total, { packets }) => total + packets, 0)
    const framesSent = () => audioAndVideo().find(({ kind }) => kind === 'video')?.frames ?? 0
    const [before, begun] = [picture(), performance.now()]
    const [sentBefore, publishedBefore] = [framesSent(), published()]
    const downBefore = network?.counters.down.received ?? 0
    await sleep(seconds * 1000)
    const after = picture()
    const elapsed = (performance.now() - begun) / 1000
    const frames = (after?.frames ?? 0) - (before?.frames ?? 0)
    // Nothing at all is a misunderstanding of the two programs, not a measurement.
    if (frames === 0) throw new Error('the synthetic subscriber could not read one frame of this server')
    const sent = Math.max(framesSent() - sentBefore, 1)
    const delays = (after?.delay?.recentMs ?? []).slice(-frames)
    const sorted = [...delays].sort((a, b) => a - b)
    const figures: WeakFigures = {
      name: target.name,
      framesPerSecond: frames / elapsed,
      deliveredPercent: (100 * frames) / sent,
      recovered: (after?.recovered ?? 0) - (before?.recovered ?? 0),
      keyFramesRequested: (after?.keyFramesRequested ?? 0) - (before?.keyFramesRequested ?? 0),
      onTimePercent: (100 * delays.filter((delay) => delay <= onTimeMs).length) / sent,
      delayP50Ms: sorted[Math.floor(sorted.length * 0.5)] ?? 0,
      delayP95Ms: sorted[Math.floor(sorted.length * 0.95)] ?? 0,
      delayMaxMs: sorted.at(-1) ?? 0,
      packetsRatio:
        ((network?.counters.down.received ?? 0) - downBefore) / Math.max(published() - publishedBefore, 1),
    }
    say(
      `5 % loss and 100 ms each way: ${figures.framesPerSecond.toFixed(1)} of ${sentPerSecond} frames/s decodable ` +
        `(${figures.deliveredPercent.toFixed(1)} %; within ${onTimeMs} ms ${figures.onTimePercent.toFixed(1)} %), ` +
        `${figures.recovered} packets repaired, ${figures.keyFramesRequested} key frames asked for; ` +
        `delay p50 ${figures.delayP50Ms.toFixed(0)} ms, p95 ${figures.delayP95Ms.toFixed(0)} ms, ` +
        `max ${figures.delayMaxMs.toFixed(0)} ms; ${figures.packetsRatio.toFixed(2)} packets sent for one published`,
    )
    return figures
  } finally {
    publisher.close()
    subscriber.close()
    network?.close()
    door.close()
    await sleep(500)
  }
}
