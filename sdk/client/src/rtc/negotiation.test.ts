import { expect, test } from 'vitest'
import { ParleyError } from '../parley-error.ts'
import { PublishConnection, type PublishConnectionOptions, type SectionWish } from './publish-connection.ts'
import { SubscribeConnection, type SubscribeOffer } from './subscribe-connection.ts'

/** The signalling states of JSEP (RFC 9429, section 3.2), without media: what a browser would refuse, it refuses. */
class StatePeerConnection extends EventTarget {
  signalingState: RTCSignalingState = 'stable'
  iceConnectionState: RTCIceConnectionState = 'new'
  localDescription: { type: string; sdp: string } | null = null
  readonly transceivers: Record<string, unknown>[] = []
  readonly log: string[] = []
  #offers = 0

  addTransceiver(track: { kind: string }, { direction }: { direction: string }) {
    const sender = {
      getParameters: () => ({ encodings: [{}] }),
      setParameters: async () => undefined,
      replaceTrack: async () => undefined,
    }
    const transceiver = { mid: null as string | null, direction, sender, receiver: { track } }
    this.transceivers.push(transceiver)
    return transceiver
  }

  getTransceivers() {
    return this.transceivers
  }

  async createOffer({ iceRestart }: { iceRestart: boolean }) {
    return { type: 'offer', sdp: `offer ${++this.#offers}${iceRestart ? ' restart' : ''}` }
  }

  async createAnswer() {
    return { type: 'answer', sdp: 'answer' }
  }

  async setLocalDescription(description: { type: string; sdp: string }) {
    this.log.push(`local ${description.sdp ?? description.type}`)
    if (description.type === 'rollback') {
      if (this.signalingState !== 'have-local-offer') throw new DOMException('', 'InvalidStateError')
      this.signalingState = 'stable'
      return
    }
    const wanted = description.type === 'offer' ? 'stable' : 'have-remote-offer'
    if (this.signalingState !== wanted) throw new DOMException('', 'InvalidStateError')
    this.signalingState = description.type === 'offer' ? 'have-local-offer' : 'stable'
    this.localDescription = description
    for (const [index, transceiver] of this.transceivers.entries()) transceiver.mid = String(index)
  }

  async setRemoteDescription(description: { type: string; sdp: string }) {
    this.log.push(`remote ${description.sdp}`)
    const wanted = description.type === 'answer' ? 'have-local-offer' : 'stable'
    if (this.signalingState !== wanted) throw new DOMException('', 'InvalidStateError')
    this.signalingState = description.type === 'answer' ? 'stable' : 'have-remote-offer'
  }

  close() {
    this.signalingState = 'closed'
  }
}

const silent = {
  iceServers: [],
  transforms: async () => undefined,
  onLost: () => undefined,
  onBack: () => undefined,
  onGivenUp: () => undefined,
}
const track = (kind: string) => ({ kind }) as unknown as MediaStreamTrack
const camera: SectionWish = {
  ...{ source: 'camera', name: undefined, muted: false },
  ...{ encodings: [{}], codec: undefined },
}

function publishing(exchange: PublishConnectionOptions['exchange']) {
  const pc = new StatePeerConnection()
  const connection = new PublishConnection({ ...silent, exchange }, pc as unknown as RTCPeerConnection)
  return { pc, connection }
}

/** Answers every section with an id of its own, kept while the section is named. */
function answering() {
  const ids = new Map<string, string>()
  const offers: { sdp: string; mids: string[] }[] = []
  let count = 0
  const exchange: PublishConnectionOptions['exchange'] = async (sdp, publications) => {
    await Promise.resolve()
    offers.push({ sdp, mids: publications.map(({ mid }) => mid) })
    const named = new Set(publications.map(({ mid }) => mid))
    for (const mid of [...ids.keys()]) if (!named.has(mid)) ids.delete(mid)
    for (const { mid } of publications) if (!ids.has(mid)) ids.set(mid, `pub_${++count}`)
    return { sdp: `answer to ${sdp}`, publications: [...ids].map(([mid, id]) => ({ mid, id })) }
  }
  return { exchange, offers }
}

test('changes made while an offer is out go with the next one, never two at once', async () => {
  const { exchange, offers } = answering()
  const { connection } = publishing(exchange)
  const first = await connection.open(track('video'), camera)
  const sent = connection.negotiate()
  const second = await connection.open(track('audio'), {
    ...camera,
    source: 'microphone',
    encodings: undefined,
  })
  await Promise.all([sent, connection.negotiate(), connection.negotiate()])
  expect(offers.map(({ mids }) => mids.length)).toEqual([1, 2])
  expect([first.publicationId, second.publicationId]).toEqual(['pub_1', 'pub_2'])
})

test('an offer the server refuses is rolled back, and the next one works', async () => {
  const { exchange } = answering()
  let isRefused = true
  const { connection, pc } = publishing((sdp, publications) => {
    if (isRefused) throw new ParleyError('grant-missing', 'no')
    return exchange(sdp, publications)
  })
  const section = await connection.open(track('video'), camera)
  await expect(connection.negotiate()).rejects.toMatchObject({ code: 'grant-missing' })
  expect(pc.signalingState).toBe('stable')
  isRefused = false
  await connection.negotiate()
  expect(section.publicationId).toBe('pub_1')
})

test('a restart that was not answered is asked for again, and keeps the publications', async () => {
  const { exchange, offers } = answering()
  let isAway = false
  const { connection } = publishing((sdp, publications) => {
    if (isAway) throw new ParleyError('connection-lost', 'away', { retryable: true })
    return exchange(sdp, publications)
  })
  const section = await connection.open(track('video'), camera)
  await connection.negotiate()
  isAway = true
  await expect(connection.restart()).rejects.toMatchObject({ code: 'connection-lost' })
  isAway = false
  await connection.negotiate()
  expect(offers.map(({ sdp }) => sdp)).toEqual(['offer 1', 'offer 3 restart'])
  expect(section.publicationId).toBe('pub_1')
})

test('a section that has ended is used again and becomes a new publication', async () => {
  const { exchange, offers } = answering()
  const { connection } = publishing(exchange)
  const screen: SectionWish = { ...camera, source: 'screen' }
  const first = await connection.open(track('video'), screen)
  await connection.negotiate()
  await connection.release(first)
  await connection.negotiate()
  const second = await connection.open(track('video'), screen)
  await connection.negotiate()
  expect(second.transceiver.mid).toBe('0')
  expect(second.publicationId).toBe('pub_2')
  expect(offers.map(({ mids }) => mids)).toEqual([['0'], [], ['0']])
  await connection.release(second)
  const other = await connection.open(track('video'), camera)
  expect(other).not.toBe(second)
})

function subscribing(answer: (version: number) => Promise<unknown>) {
  const pc = new StatePeerConnection()
  const assigned: string[][] = []
  const broken: unknown[] = []
  const connection = new SubscribeConnection(
    {
      ...silent,
      answer: (_, version) => answer(version),
      requestRestart: async () => undefined,
      onDataChannel: () => undefined,
      onAssigned: (assignments) => assigned.push(assignments.map(({ publicationId }) => publicationId)),
      onBroken: (error) => broken.push(error),
    },
    pc as unknown as RTCPeerConnection,
  )
  pc.transceivers.push({ mid: '0', receiver: { track: track('video') } })
  const offer = (version: number): SubscribeOffer => ({
    roomId: 'room',
    version,
    sdp: `v${version}`,
    tracks: [{ mid: '0', publicationId: `pub_${version}`, participantId: 'part_1' }],
  })
  return { pc, connection, assigned, broken, offer }
}

const turn = () => new Promise((resolve) => setTimeout(resolve))

test('of offers that wait the newest is answered, each only once, older ones never', async () => {
  const answered: number[] = []
  const { connection, assigned, broken, offer } = subscribing(async (version) => answered.push(version))
  for (const version of [1, 2, 3, 3, 2]) connection.handleOffer(offer(version))
  await turn()
  connection.handleOffer(offer(3))
  await turn()
  expect(answered).toEqual([1, 3])
  expect(assigned).toEqual([['pub_1'], ['pub_3']])
  expect(broken).toEqual([])
})

test('an answer that was lost is sent again once the signalling is back; a refused one is not', async () => {
  const answered: number[] = []
  let isAway = true
  const { connection, broken, offer } = subscribing(async (version) => {
    answered.push(version)
    if (isAway) throw new ParleyError('connection-lost', 'away', { retryable: true })
    throw new ParleyError('conflict', 'overtaken')
  })
  connection.handleOffer(offer(1))
  await turn()
  isAway = false
  connection.handleResumed()
  await turn()
  connection.handleResumed()
  await turn()
  expect(answered).toEqual([1, 1])
  expect(broken).toEqual([])
})

test('an offer the browser refuses is reported', async () => {
  const { pc, connection, broken, offer } = subscribing(async () => undefined)
  pc.signalingState = 'have-local-offer'
  connection.handleOffer(offer(1))
  await turn()
  expect(broken).toHaveLength(1)
})
