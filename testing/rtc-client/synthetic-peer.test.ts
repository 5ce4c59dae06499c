import { afterEach, describe, expect, test, vi } from 'vitest'
import { burstLoss, createWeakNetwork, createWeakStreamNetwork, type WeakNetwork } from '../weaknet/index.ts'
import {
  createCertificate,
  PeerTransport,
  RtpSink,
  rewriteCandidates,
  type SrtpProfile,
  SyntheticPeer,
  type SyntheticPeerOptions,
} from './index.ts'

const closers: (() => unknown)[] = []
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close()
})

function peer(options: SyntheticPeerOptions = {}): SyntheticPeer {
  const made = new SyntheticPeer(options)
  closers.push(() => made.close())
  return made
}

type Relay = (sdp: string) => Promise<string> | string

/** A publisher and an ICE-lite server joined by offer and answer, the answer's candidates through a relay. */
async function call(
  publisher: SyntheticPeerOptions,
  server: SyntheticPeerOptions = {},
  relay: Relay = (sdp) => sdp,
) {
  const sending = peer(publisher)
  const receiving = peer({ ...server, lite: true })
  const answer = await receiving.acceptOffer(await sending.createOffer())
  sending.acceptAnswer(await relay(answer))
  await Promise.all([sending.connected, receiving.connected])
  return { sending, receiving }
}

const inbound = (of: SyntheticPeer, kind: string) =>
  of.statistics().inbound.filter((stream) => stream.kind === kind)
const outbound = (of: SyntheticPeer, kind: string) =>
  of.statistics().outbound.filter((stream) => stream.kind === kind)
const both = { send: { audio: true, video: true } } as const
const soon = { timeout: 15_000, interval: 20 }

describe.each<SrtpProfile>(['AEAD_AES_128_GCM', 'AES128_CM_HMAC_SHA1_80'])('%s', (profile) => {
  test('audio and video arrive whole, are acknowledged, reported and measured', async () => {
    const { sending, receiving } = await call(both, { srtpProfiles: [profile] })
    expect(sending.transport.srtpProfile).toBe(profile)
    await vi.waitFor(() => {
      expect(inbound(receiving, 'audio')[0]?.frames).toBeGreaterThan(60)
      expect(inbound(receiving, 'video')[0]?.frames).toBeGreaterThan(30)
    }, soon)
    const [audio] = inbound(receiving, 'audio')
    const [video] = inbound(receiving, 'video')
    expect(audio).toMatchObject({ missing: 0, abandoned: 0, audioLevel: { voice: true, level: 30 } })
    expect(video).toMatchObject({ missing: 0, width: 640, height: 360, keyFramesRequested: 0 })
    expect(video?.delay?.meanMs).toBeGreaterThan(0)
    await vi.waitFor(() => {
      const { feedback, roundTripMs } = sending.statistics()
      expect(feedback.transportArrived).toBeGreaterThan(50)
      expect(feedback.transportLost).toBe(0)
      expect(roundTripMs).toBeDefined()
    }, soon)
    for (const side of [sending, receiving])
      expect(side.statistics()).toMatchObject({ violations: 0, unassigned: 0 })
  })
})

test('simulcast layers are told apart by their rid, and each answers key frame requests for itself', async () => {
  const layers = [
    { rid: 'q', bitrateKbps: 100, width: 320, height: 180 },
    { rid: 'h', bitrateKbps: 300, width: 640, height: 360 },
    { rid: 'f', bitrateKbps: 900, width: 1280, height: 720 },
  ]
  const { sending, receiving } = await call({ send: { video: { layers, temporalLayers: 3 } } })
  await vi.waitFor(() => {
    const streams = inbound(receiving, 'video')
    expect(streams.map(({ rid, width }) => [rid, width])).toEqual([
      ['q', 320],
      ['h', 640],
      ['f', 1280],
    ])
    for (const { frames } of streams) expect(frames).toBeGreaterThan(10)
  }, soon)
  const full = inbound(receiving, 'video').find(({ rid }) => rid === 'f')
  receiving.transport.sendRtcp(pictureLoss(full?.ssrc ?? 0))
  await vi.waitFor(() => {
    expect(outbound(sending, 'video').map(({ keyFrames }) => keyFrames)).toEqual([1, 1, 2])
    expect(inbound(receiving, 'video').map(({ keyFrames }) => keyFrames)).toEqual([1, 1, 2])
  }, soon)
})

function pictureLoss(mediaSsrc: number): Uint8Array {
  const packet = Buffer.from('81ce00020000000100000000', 'hex')
  packet.writeUInt32BE(mediaSsrc, 8)
  return packet
}

describe('weak network', () => {
  test('lost video comes back as RTX and lost audio as the identical ciphertext, at 10 % loss each way', async () => {
    const path = { loss: 0.1, delayMs: 20, jitterMs: 5, reorder: 0.01 }
    const { sending, receiving } = await call(both, {}, async (answer) => relayed(answer, path, path))
    await vi.waitFor(() => {
      expect(inbound(receiving, 'video')[0]?.frames).toBeGreaterThan(90)
      expect(inbound(receiving, 'audio')[0]?.frames).toBeGreaterThan(150)
    }, soon)
    for (const kind of ['audio', 'video']) {
      const [stream] = inbound(receiving, kind)
      expect(stream?.recovered ?? 0, kind).toBeGreaterThanOrEqual(kind === 'video' ? 10 : 0)
      expect(stream?.abandoned, kind).toBe(0)
      expect(outbound(sending, kind)[0]?.retransmitted, kind).toBeGreaterThan(5)
    }
    expect(sending.statistics().feedback.transportLost).toBeGreaterThan(5)
    expect(receiving.statistics().violations).toBe(0)
  })

  test('bursts, duplicates and reordering: every frame still counts once', async () => {
    const up = {
      bursts: burstLoss({ loss: 0.05, meanLength: 4 }),
      duplicate: 0.1,
      reorder: 0.1,
      reorderMs: 15,
    }
    const { sending, receiving } = await call(both, {}, async (answer) =>
      relayed(answer, up, { delayMs: 10 }),
    )
    await vi.waitFor(() => expect(inbound(receiving, 'video')[0]?.frames).toBeGreaterThan(60), soon)
    // SRTP refuses the second copy of a packet before anything is counted.
    expect(receiving.transport.counters.refusedPackets).toBeGreaterThan(10)
    expect(inbound(receiving, 'video')[0]).toMatchObject({ abandoned: 0, unreadable: 0 })
    expect(inbound(receiving, 'video')[0]?.frames).toBeLessThanOrEqual(
      outbound(sending, 'video')[0]?.frames ?? 0,
    )
  })

  test('a receiver that missed the first key frame asks for another', async () => {
    const { network, through } = lateNetwork()
    const { sending, receiving } = await call({ send: { video: true } }, {}, through)
    network().cut(['up'])
    await vi.waitFor(() => expect(outbound(sending, 'video')[0]?.frames).toBeGreaterThan(3), soon)
    network().heal()
    await vi.waitFor(() => {
      expect(inbound(receiving, 'video')[0]?.frames).toBeGreaterThan(10)
      expect(outbound(sending, 'video')[0]?.keyFrameRequests).toBeGreaterThan(0)
    }, soon)
  })

  test('a peer whose address changes goes on after its next consent check', async () => {
    const { network, through } = lateNetwork()
    const { receiving } = await call({ send: { audio: true }, consentMs: 100 }, {}, through)
    await vi.waitFor(() => expect(inbound(receiving, 'audio')[0]?.frames).toBeGreaterThan(10), soon)
    network().rebind()
    const before = receiving.transport.counters.sentPackets
    await vi.waitFor(() => {
      expect(inbound(receiving, 'audio')[0]?.frames).toBeGreaterThan(60)
      expect(receiving.transport.counters.sentPackets).toBeGreaterThan(before + 5)
      expect(network().counters.down.delivered).toBeGreaterThan(10)
    }, soon)
  })

  test('consent that runs out is told', async () => {
    const { network, through } = lateNetwork()
    const onLost = vi.fn()
    await call({ send: { audio: true }, consentMs: 50, consentTimeoutMs: 300, onLost }, {}, through)
    expect(onLost).not.toHaveBeenCalled()
    network().cut()
    await vi.waitFor(() => expect(onLost).toHaveBeenCalledOnce(), soon)
  })
})

describe('TCP (RFC 4571)', () => {
  test('a call over TCP, and over a slow TCP path', async () => {
    for (const slow of [false, true]) {
      const tcp = { transport: 'tcp' } as const
      const { sending, receiving } = await call({ ...both, ...tcp }, tcp, async (answer) => {
        if (!slow) return answer
        const [target] = candidatesOf(answer)
        if (!target) throw new Error('no candidate')
        const network = await createWeakStreamNetwork({ target, up: { delayMs: 30, rateKbps: 4_000 } })
        closers.push(() => network.close())
        return rewriteCandidates(answer, (candidate) => ({ ...candidate, ...endpoint(network) }))
      })
      expect(sending.transport.protocol).toBe('tcp')
      await vi.waitFor(() => expect(inbound(receiving, 'video')[0]?.frames).toBeGreaterThan(20), soon)
      expect(inbound(receiving, 'video')[0]).toMatchObject({ missing: 0, duplicates: 0 })
    }
  })
})

describe('negotiation', () => {
  test('the server offers, the peer answers: subscribe and publish on one connection, then a renegotiation', async () => {
    const server = peer({ lite: true, send: { audio: true, video: true }, receive: { audio: 1 } })
    const client = peer({ send: { audio: { level: 10 } } })
    const negotiate = async () => server.acceptAnswer(await client.acceptOffer(await server.createOffer()))
    await negotiate()
    await Promise.all([server.connected, client.connected])
    await vi.waitFor(() => {
      expect(inbound(client, 'video')[0]?.frames).toBeGreaterThan(10)
      expect(inbound(server, 'audio')[0]?.audioLevel).toEqual({ voice: true, level: 10 })
    }, soon)
    await negotiate()
    const before = inbound(client, 'video')[0]?.frames ?? 0
    await vi.waitFor(() => expect(inbound(client, 'video')[0]?.frames).toBeGreaterThan(before + 10), soon)
    expect(client.statistics().inbound).toHaveLength(2)
  })

  test('an ICE restart changes the credentials of both sides, chooses a path again, and media goes on', async () => {
    const onSelected = vi.fn()
    const { sending, receiving } = await call({ send: { audio: true }, onSelected })
    expect(onSelected).toHaveBeenCalledOnce()
    const ufrag = (sdp: string) => /a=ice-ufrag:(\S+)/.exec(sdp)?.[1]
    const before = await sending.createOffer()
    const offer = await sending.createOffer({ iceRestart: true })
    const answer = await receiving.acceptOffer(offer)
    expect(ufrag(offer)).not.toBe(ufrag(before))
    sending.acceptAnswer(answer)
    await vi.waitFor(() => expect(onSelected).toHaveBeenCalledTimes(2), soon)
    const heard = inbound(receiving, 'audio')[0]?.frames ?? 0
    await vi.waitFor(() => expect(inbound(receiving, 'audio')[0]?.frames).toBeGreaterThan(heard + 30), soon)
    expect(inbound(receiving, 'audio')[0]).toMatchObject({ missing: 0, abandoned: 0 })
  })

  test('after consent ran out an ICE restart on another path brings media back, without a new handshake', async () => {
    const { network, through } = lateNetwork()
    const onLost = vi.fn()
    const fast = { consentMs: 50, consentTimeoutMs: 300, onLost }
    const { sending, receiving } = await call({ send: { audio: true }, ...fast }, {}, through)
    network().cut()
    await vi.waitFor(() => expect(onLost).toHaveBeenCalledOnce(), soon)
    const heard = inbound(receiving, 'audio')[0]?.frames ?? 0
    const answer = await receiving.acceptOffer(await sending.createOffer({ iceRestart: true }))
    sending.acceptAnswer(await through(answer))
    await vi.waitFor(() => expect(inbound(receiving, 'audio')[0]?.frames).toBeGreaterThan(heard + 30), soon)
  })

  test('a transport known without SDP is enough', async () => {
    const got: Buffer[] = []
    const server = new PeerTransport({ lite: true, onRtp: (packet) => got.push(packet) })
    closers.push(() => server.close())
    const client = peer({ send: { audio: true } })
    await client.createOffer()
    const local = await server.local('passive')
    server.connect(await client.transport.local('active'), 'server')
    client.connectTransport(local)
    await vi.waitFor(() => expect(got.length).toBeGreaterThan(10), soon)
  })

  test('another certificate than the one announced is refused on both sides', async () => {
    const sending = peer(both)
    const receiving = peer({ lite: true })
    const answer = await receiving.acceptOffer(await sending.createOffer())
    const other = createCertificate().fingerprint.value
    sending.acceptAnswer(answer.replace(/sha-256 [0-9A-F:]+/g, `sha-256 ${other}`))
    await expect(sending.connected).rejects.toThrow(/fingerprint/)
    await expect(receiving.connected).rejects.toThrow()
  })

  test('a wrong password never connects', async () => {
    const sending = peer({ ...both, connectTimeoutMs: 400 })
    const receiving = peer({ lite: true })
    const answer = await receiving.acceptOffer(await sending.createOffer())
    sending.acceptAnswer(answer.replace(/a=ice-pwd:\S+/g, 'a=ice-pwd:0123456789012345678901234'))
    await expect(sending.connected).rejects.toThrow(/ICE/)
  })
})

test('closing twice is closing once, and the other side learns of it', async () => {
  const onClosed = vi.fn()
  const { sending } = await call(both, { onClosed })
  sending.close()
  sending.close()
  await vi.waitFor(() => expect(onClosed).toHaveBeenCalledOnce(), soon)
})

test('muting stops the packets and unmuting brings them back', async () => {
  const { sending, receiving } = await call({ send: { audio: true } })
  await vi.waitFor(() => expect(inbound(receiving, 'audio')[0]?.frames).toBeGreaterThan(5), soon)
  sending.setPaused('audio', true)
  const sent = outbound(sending, 'audio')[0]?.packets
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(outbound(sending, 'audio')[0]?.packets).toBe(sent)
  sending.setPaused('audio', false)
  await vi.waitFor(
    () => expect(outbound(sending, 'audio')[0]?.packets).toBeGreaterThan((sent ?? 0) + 5),
    soon,
  )
})

test('twenty pairs in one process, all decodable', async () => {
  const video = { layers: [{ bitrateKbps: 150, width: 320, height: 180 }], framesPerSecond: 15 }
  const calls = await Promise.all(Array.from({ length: 20 }, () => call({ send: { audio: true, video } })))
  await vi.waitFor(() => {
    for (const { receiving } of calls) {
      expect(inbound(receiving, 'video')[0]?.frames).toBeGreaterThan(20)
      expect(inbound(receiving, 'audio')[0]?.frames).toBeGreaterThan(50)
    }
  }, soon)
  for (const { receiving } of calls)
    expect(receiving.statistics()).toMatchObject({ violations: 0, unassigned: 0 })
})

test('a sink counts what it is sent and opens one packet in ten', async () => {
  const server = peer({ ...both, lite: true })
  const sink = new RtpSink({ openEvery: 10 })
  closers.push(() => sink.close())
  server.acceptAnswer(await sink.acceptOffer(await server.createOffer()))
  await vi.waitFor(() => {
    expect(sink.counters.packets).toBeGreaterThan(100)
    expect(sink.streams.size).toBe(2)
  }, soon)
  expect(sink.counters.opened).toBe(Math.floor(sink.counters.packets / 10))
  expect(sink.counters.refused).toBe(0)
})

function candidatesOf(sdp: string): { address: string; port: number }[] {
  const found: { address: string; port: number }[] = []
  rewriteCandidates(sdp, (candidate) => {
    found.push({ address: candidate.address, port: candidate.port })
    return candidate
  })
  return found
}

const endpoint = ({ address, port }: { address: string; port: number }) => ({ address, port })

type Path = Parameters<typeof createWeakNetwork>[0]['up'] & object

async function relayed(answer: string, up: Path, down: Path): Promise<string> {
  const { network, through } = lateNetwork()
  const rewritten = await through(answer)
  network().change({ up, down })
  return rewritten
}

/** A network that comes to be when the answer, and with it the target, is known. */
function lateNetwork(): { network: () => WeakNetwork; through: Relay } {
  let made: WeakNetwork | undefined
  const network = () => {
    if (!made) throw new Error('no network yet')
    return made
  }
  const through = async (answer: string) => {
    const [target] = candidatesOf(answer)
    if (!target) throw new Error('no candidate')
    made = await createWeakNetwork({ target, seed: 3 })
    closers.push(() => network().close())
    return rewriteCandidates(answer, (candidate) => ({ ...candidate, ...endpoint(network()) }))
  }
  return { network, through }
}
