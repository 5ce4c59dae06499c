// `npm run bench -- fastpath [seconds]`: what one packet thread forwards a CPU-second, against bare sealing and sending.
import { createSocket, type Socket } from 'node:dgram'
import { createWorker, FastpathCore, loadFastpath, type Transport } from '@parley/fastpath'
import { vp8, writeBinding, writeRtp } from '../../native/fastpath/tests/simulation.ts'

const seconds = Number(process.argv[2] ?? 4)
const addon = await loadFastpath()

async function open(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 16 })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return socket
}

/** A publisher and its receivers, joined by real handshakes over loopback. */
async function measure(receivers: number, payloadBytes: number, incomingRate: number, burst = 1) {
  const worker = await createWorker({ addresses: ['127.0.0.1'] })
  const own = new FastpathCore(addon, { consentTimeoutMs: 1e12 })
  own.step(0)
  const begun = process.hrtime.bigint()
  const now = () => Number((process.hrtime.bigint() - begun) / 1000n)
  const peers = await Promise.all(
    Array.from({ length: receivers + 1 }, async () => {
      const socket = await open()
      const transport = worker.createTransport({ pacingBitrate: 0 })
      const client = own.createTransport()
      transport.setRemote({ dtlsRole: 'server', fingerprints: [own.fingerprint] })
      client.setRemote({ dtlsRole: 'client', fingerprints: [worker.fingerprint] })
      return { socket, transport, client }
    }),
  )
  const byPort = new Map(peers.map((peer) => [peer.socket.address().port, peer]))
  const pass = (packets: readonly { port: number; data: Uint8Array }[]) => {
    for (const packet of packets) {
      if ((packet.data[0] ?? 0) >= 20)
        byPort.get(packet.port)?.socket.send(packet.data, worker.port, '127.0.0.1')
    }
  }
  const request = (transport: Transport) =>
    writeBinding({ username: `${transport.iceUfrag}:x`, password: transport.icePwd, useCandidate: true })
  for (const { socket, transport, client } of peers) {
    const port = socket.address().port
    socket.on('message', (data) => {
      const first = data[0] ?? 0
      if (first >= 20 && first < 64) pass(own.step(now(), [{ local: 0, address: '127.0.0.1', port, data }]))
    })
    socket.send(request(transport), worker.port, '127.0.0.1')
    pass(own.step(now(), [{ local: 0, address: '127.0.0.1', port, data: request(client) }]))
  }
  const end = Date.now() + 20_000
  while (peers.some((peer) => !peer.transport.connected || !peer.client.connected)) {
    if (Date.now() > end) throw new Error('not all joined')
    await new Promise((resolve) => setTimeout(resolve, 5))
    pass(own.step(now()))
  }
  const [publisher, ...rest] = peers
  if (!publisher) throw new Error('no publisher')
  const video = burst > 1
  const track = publisher.transport.createTrack({
    kind: video ? 'video' : 'audio',
    mid: 'a',
    extensions: { transportSequence: 3, absSendTime: 4 },
    payloads: [{ payloadType: 111, codec: video ? 'vp8' : 'opus', clockRate: video ? 90000 : 48000 }],
    layers: [{ ssrc: 1 }],
  })
  for (const { transport } of rest) {
    transport.createStream(track, {
      kind: video ? 'video' : 'audio',
      mid: '0',
      extensions: { mid: 1, transportSequence: 3, absSendTime: 4 },
      payloads: [{ from: 111, payloadType: 111, ...(video ? { rtxPayloadType: 112 } : {}) }],
    })
  }
  const keys = own.srtpKeys(publisher.client.id)
  if (!keys) throw new Error('no keys')
  const srtp = addon.createSrtp(keys.profile, keys.local, keys.remote)
  // A frame as an encoder's packetiser cuts it: sizes that differ by one byte.
  const parts = Array.from({ length: burst }, (_, n) =>
    video
      ? vp8({ picture: 1, key: true, start: n === 0, size: payloadBytes - 6 + (n > burst / 3 ? 1 : 0) })
      : new Uint8Array(payloadBytes).fill(7),
  )
  let sequence = 0
  const send = () => {
    const at = sequence % burst
    const timestamp = Math.floor(sequence / burst) * 3000
    const payload = parts[at] ?? new Uint8Array(1)
    const packet = writeRtp({
      payloadType: 111,
      sequence,
      timestamp,
      ssrc: 1,
      marker: at === burst - 1,
      payload,
    })
    const sealed = srtp.protectRtp(packet, Math.floor(sequence / 65536))
    sequence += 1
    if (sealed) publisher.socket.send(sealed, worker.port, '127.0.0.1')
  }
  const drive = async (milliseconds: number) => {
    const start = performance.now()
    let sent = 0
    while (performance.now() - start < milliseconds) {
      const due = Math.floor((((performance.now() - start) / 1000) * incomingRate) / burst) * burst
      while (sent < due) {
        send()
        sent += 1
      }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
  await drive(500)
  const before = await worker.stats()
  await drive(seconds * 1000)
  const after = await worker.stats()
  await worker.close()
  own.close()
  for (const { socket } of peers) socket.close()
  const packets = after.packetsSent - before.packetsSent
  const cpu = after.cpuMicroseconds - before.cpuMicroseconds
  const joined = packets / (after.messagesSent - before.messagesSent)
  return {
    joined,
    perCpuSecond: (packets / cpu) * 1e6,
    perSecond: packets / seconds,
    busy: cpu / 1e6 / seconds,
  }
}

const round = (value: number) => Math.round(value).toLocaleString('en-US')
console.log('physical limit on this thread: seal, then send to one loopback socket (packets a CPU-second)')
const limits = new Map<number, number>()
for (const bytes of [120, 1100]) {
  const row: string[] = []
  for (const send of ['none', 'sendto', 'sendmmsg', 'connected'] as const) {
    const rate = 1e9 / addon.measureSeal('AEAD_AES_128_GCM', bytes, 200_000, send)
    if (send === 'sendmmsg') limits.set(bytes, rate)
    row.push(`${send} ${round(rate)}`)
  }
  const cm = 1e9 / addon.measureSeal('AES128_CM_SHA1_80', bytes, 200_000, 'sendmmsg')
  console.log(`  GCM ${bytes} B: ${row.join(', ')}; CM with HMAC-SHA1-80 and sendmmsg ${round(cm)}`)
}
console.log(
  'forwarding: one publisher, N receivers with DTLS, GCM, mid + abs-send-time + transport-wide numbers',
)
for (const [receivers, bytes, rate, burst] of [
  [50, 120, 4000, 1],
  [200, 120, 1000, 1],
  [50, 1100, 3000, 1],
  [200, 1100, 750, 1],
  [50, 1100, 3000, 4],
  [50, 1100, 4000, 10],
  [200, 1100, 1000, 10],
] as const) {
  const result = await measure(receivers, bytes, rate, burst)
  const ratio = result.perCpuSecond / (limits.get(bytes) ?? 1)
  console.log(
    `  ${receivers} receivers, ${bytes} B, ${burst === 1 ? 'single packets' : `frames of ${burst}`}: ` +
      `${round(result.perCpuSecond)} packets a CPU-second (${ratio.toFixed(2)} of seal + sendmmsg), ` +
      `${round(result.perSecond)}/s at ${(result.busy * 100).toFixed(0)} % of a core, ${result.joined.toFixed(1)} a message`,
  )
}
