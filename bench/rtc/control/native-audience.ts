import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ensureFastpath, FastpathCore, loadFastpath, type Transport } from '@parley/fastpath'
import { MediaWorker } from '../../../modules/rtc/src/sfu/media-worker.ts'
import { vp8, writeBinding, writeRtp } from '../../../native/fastpath/tests/simulation.ts'
import { pin } from '../../chat/machine/cores.ts'
import { raisePriority } from '../priority.ts'

const framesPerSecond = 30
const payloadBytes = 1_060
const seconds = 8
const legsPerAddress = 200
const sequenceExtension = 3
/** RTCP packet type (RFC 4585). */
const payloadFeedback = 206
const payloads = [{ payloadType: 96, codec: 'vp8' as const, clockRate: 90_000 }]

/** What a media worker process takes to send one picture to many, and to hear of it. */
export interface NativeAudienceFigures {
  subscribers: number
  /** Each receiver tells so often what came; 0: not at all. */
  feedbackMs: number
  packetsPerSecond: number
  cpuMicrosecondsPerPacket: number
  /** Of it, the thread that decides. */
  mainThreadMicrosecondsPerPacket: number
  packetsPerCpuSecond: number
}

/**
 * A picture of 135 packets a second, from one media worker process to the transports of another, whose packet thread tells
 * what came: no receiver costs JavaScript, so a thousand of them fit a machine. CPU time is that of the first process.
 */
export async function measureNativeAudience(
  subscribers: number,
  feedbackMs: number,
  cores: { media: string; other: string },
): Promise<NativeAudienceFigures> {
  const built = await ensureFastpath()
  if (!('path' in built)) throw new Error(built.unavailable)
  const start = (index: number, addresses: string[]) =>
    MediaWorker.start({
      ...{ index, entry: join(process.cwd(), 'modules', 'rtc', 'dist', 'sfu.js'), addonPath: built.path },
      worker: { addresses, tcp: false, frameHoldMs: 1, feedbackIntervalMs: feedbackMs || 100 },
      silenceMs: 60_000,
      scriptSilenceMs: 60_000,
    })
  const addressesOf = (net: number, count: number) =>
    Array.from({ length: count }, (_, index) => `127.0.${net}.${index + 1}`)
  const forwarding = await start(0, addressesOf(1, Math.ceil(subscribers / legsPerAddress)))
  const receiving = await start(1, addressesOf(2, Math.min(subscribers, legsPerAddress)))
  pin(forwarding.pid ?? 0, cores.media)
  pin(receiving.pid ?? 0, cores.other)
  for (const pid of [forwarding.pid, receiving.pid, process.pid]) raisePriority(pid ?? 0)
  const publisher = await publish(forwarding)
  try {
    const track = publisher.transport.createTrack({
      ...{ kind: 'video', mid: 'v', extensions: {}, payloads, nack: false, layers: [{ ssrc: 1 }] },
    })
    const reports = feedbackMs > 0 ? { reportSent: true, reportRtcp: true } : {}
    const legs: Transport[] = []
    for (let index = 0; index < subscribers; index++) {
      const [local, far] = [Math.floor(index / legsPerAddress), index % legsPerAddress]
      const there = receiving.createTransport({
        peer: { address: `127.0.1.${local + 1}`, port: forwarding.port, local: far },
      })
      const here = forwarding.createTransport({
        ...{ peer: { address: `127.0.2.${far + 1}`, port: receiving.port, local }, ...reports },
      })
      there.setRemote({ dtlsRole: 'server', fingerprints: [forwarding.fingerprint] })
      here.setRemote({ dtlsRole: 'client', fingerprints: [receiving.fingerprint] })
      there.createTrack({
        ...{ kind: 'video', payloads, nack: false, pli: false, layers: [{ ssrc: index + 1 }] },
        extensions: feedbackMs > 0 ? { transportSequence: sequenceExtension } : {},
      })
      here.createStream(track, {
        ...{ kind: 'video', mid: '0', ssrc: index + 1, payloads: [{ from: 96, payloadType: 96 }] },
        extensions: { transportSequence: sequenceExtension },
      })
      if (feedbackMs > 0) forwarding.setWanted(here, 2_500_000)
      legs.push(here)
      // Handshakes of a thousand at once would time out.
      if (index % 50 === 49) await connected(legs)
    }
    await connected(legs)
    publisher.begin()
    await sleep(4_000)
    const before = await snapshot(forwarding)
    await sleep(seconds * 1_000)
    const after = await snapshot(forwarding)
    const packets = after.packets - before.packets
    return {
      ...{ subscribers, feedbackMs },
      packetsPerSecond: packets / (after.atSeconds - before.atSeconds),
      cpuMicrosecondsPerPacket: ((after.cpuSeconds - before.cpuSeconds) * 1e6) / packets,
      mainThreadMicrosecondsPerPacket: ((after.mainSeconds - before.mainSeconds) * 1e6) / packets,
      packetsPerCpuSecond: packets / (after.cpuSeconds - before.cpuSeconds),
    }
  } finally {
    publisher.close()
    await Promise.all([forwarding.close(), receiving.close()])
  }
}

/** A line of it. */
export function describeNativeAudience(figures: NativeAudienceFigures): string {
  const { subscribers, feedbackMs, packetsPerSecond, packetsPerCpuSecond } = figures
  return (
    `1 -> ${subscribers}, ${feedbackMs > 0 ? `feedback each ${feedbackMs} ms` : 'no feedback'}: ` +
    `${Math.round(packetsPerSecond)} packets/s, ${Math.round(packetsPerCpuSecond)} a CPU-second, ` +
    `${figures.cpuMicrosecondsPerPacket.toFixed(2)} us each, ` +
    `${figures.mainThreadMicrosecondsPerPacket.toFixed(2)} of it the thread that decides; load average ${loadavg()[0]?.toFixed(1)}`
  )
}

async function connected(legs: readonly Transport[]): Promise<void> {
  for (const leg of legs)
    if (!leg.connected) await once(leg, 'connected', { signal: AbortSignal.timeout(20_000) })
}

/** Somebody who sends frames of four and five packets in turn. */
async function publish(worker: MediaWorker) {
  const addon = await loadFastpath()
  const own = new FastpathCore(addon, { consentTimeoutMs: 1e12 })
  own.step(0)
  const began = performance.now()
  const step = (data: Uint8Array[]) => {
    const packets = data.map((each) => ({ local: 0, address: '127.0.1.1', port: worker.port, data: each }))
    for (const packet of own.step(Math.round((performance.now() - began) * 1_000), packets))
      if ((packet.data[0] ?? 0) >= 20) socket.send(packet.data, worker.port, '127.0.1.1')
  }
  let keyWanted = true
  const socket = createSocket('udp4')
  socket.on('message', (data) => {
    const first = data[0] ?? 0
    if (first >= 20 && first < 64) step([data])
    // Sealed, but its type stands before: somebody waits for a key frame.
    else if (data[1] === payloadFeedback) keyWanted = true
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const transport = worker.createTransport()
  const client = own.createTransport()
  transport.setRemote({ dtlsRole: 'server', fingerprints: [own.fingerprint] })
  client.setRemote({ dtlsRole: 'client', fingerprints: [worker.fingerprint] })
  const bind = (of: Transport) =>
    writeBinding({ username: `${of.iceUfrag}:x`, password: of.icePwd, useCandidate: true })
  const both = once(transport, 'connected', { signal: AbortSignal.timeout(20_000) })
  // Commands travel by another way than datagrams: this answer comes after them.
  await worker.stats()
  const keepAlive = setInterval(() => {
    socket.send(bind(transport), worker.port, '127.0.1.1')
    step([])
  }, 1_000)
  socket.send(bind(transport), worker.port, '127.0.1.1')
  step([bind(client)])
  await both
  const keys = own.srtpKeys(client.id)
  if (keys === undefined) throw new Error('no keys')
  const srtp = addon.createSrtp(keys.profile, keys.local, keys.remote)
  let [frames, sequence] = [0, 0]
  let timer: NodeJS.Timeout | undefined
  const frame = () => {
    const count = frames % 2 === 0 ? 4 : 5
    const key = keyWanted
    keyWanted = false
    for (let index = 0; index < count; index++) {
      const packet = writeRtp({
        ...{ payloadType: 96, sequence, timestamp: frames * 3_000, ssrc: 1, marker: index === count - 1 },
        payload: vp8({ picture: frames & 0x7fff, key, start: index === 0, size: payloadBytes }),
      })
      const sealed = srtp.protectRtp(packet, Math.floor(sequence++ / 65_536))
      if (sealed) socket.send(sealed, worker.port, '127.0.1.1')
    }
    frames++
  }
  return {
    transport,
    begin: () => {
      const beganMs = performance.now()
      timer = setInterval(() => {
        while (frames < ((performance.now() - beganMs) * framesPerSecond) / 1_000) frame()
      }, 5)
    },
    close: () => {
      clearInterval(timer)
      clearInterval(keepAlive)
      socket.close()
      own.close()
    },
  }
}

async function snapshot(worker: MediaWorker) {
  const { packetsSent: packets } = await worker.stats()
  const pid = worker.pid ?? 0
  const cpuSeconds = cpuSecondsOf(`/proc/${pid}/stat`)
  const mainSeconds = cpuSecondsOf(`/proc/${pid}/task/${pid}/stat`)
  return { packets, cpuSeconds, mainSeconds, atSeconds: performance.now() / 1_000 }
}

/** User and system time in ticks of 10 ms, the 14th and 15th field. */
function cpuSecondsOf(path: string): number {
  const text = readFileSync(path, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
