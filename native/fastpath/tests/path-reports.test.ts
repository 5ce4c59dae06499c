import { afterEach, describe, expect, it } from 'vitest'
import { type NativeAddon, PathReports, readSentPackets } from '../src/index.ts'
import { addon } from './built-addon.ts'
import { Simulation, vp8, writeVerdicts } from './simulation.ts'

describe.skipIf(!addon)('what paths report, on a virtual clock', () => {
  let w: Simulation
  afterEach(() => w.close())

  /** A publisher with two subscribers that report; each frame reaches both. */
  function begin(reportHoldMs: number) {
    w = new Simulation(addon as NativeAddon, { reportHoldMs })
    const publisher = w.join()
    const track = publisher.transport.createTrack({
      kind: 'video',
      mid: 'v',
      extensions: { mid: 1 },
      payloads: [{ payloadType: 96, codec: 'vp8', clockRate: 90_000 }],
      layers: [{ ssrc: 1001 }],
    })
    const peers = [0, 1].map(() => {
      const peer = w.join({ pacingBitrate: 0, reportSent: true, reportRtcp: true })
      peer.transport.createStream(track, {
        ...{ kind: 'video', mid: '7', extensions: { transportSequence: 5 } },
        payloads: [{ from: 96, payloadType: 120 }],
      })
      return peer
    })
    const heard: string[] = []
    peers.forEach(({ transport }, index) => {
      transport.on('packets.sent', ({ bytes }) =>
        heard.push(`${index} sent ${[...readSentPackets(bytes)].length}`),
      )
      transport.on('rtcp.received', ({ receivedAt }) => heard.push(`${index} rtcp ${receivedAt}`))
    })
    const frame = (sequence: number) =>
      publisher.sendRtp({
        ...{ payloadType: 96, sequence, timestamp: sequence * 3_000, ssrc: 1001, marker: true },
        payload: vp8({ key: sequence === 1, picture: sequence }),
      })
    return { peers, heard, frame }
  }

  it('FAST-157: reports of all transports are collected for the time of `reportHoldMs`, in their order', () => {
    const { peers, heard, frame } = begin(10)
    frame(1)
    frame(2)
    w.run(1)
    for (const peer of peers) peer.sendRtcp(writeVerdicts(1, [true]))
    w.run(2)
    peers[0]?.sendRtcp(writeVerdicts(2, [true]))
    w.run(2)
    expect(heard).toEqual([])
    w.run(10)
    const times = heard.map((line) => line.replace(/rtcp \d+/, 'rtcp'))
    expect(times).toEqual(['0 sent 2', '0 rtcp', '1 sent 2', '1 rtcp', '0 rtcp'])
    // The time is that of arrival, not of the telling.
    const [first = 0, , last = 0] = heard.flatMap((line) => /rtcp (\d+)/.exec(line)?.[1] ?? []).map(Number)
    expect(last - first).toBe(2_000)
  })

  it('FAST-157: without a hold each is told in its turn', () => {
    const { peers, heard, frame } = begin(0)
    frame(1)
    w.run(1)
    for (const peer of peers) peer.sendRtcp(writeVerdicts(1, [true]))
    w.run(1)
    expect(heard.map((line) => line.replace(/rtcp \d+/, 'rtcp'))).toEqual([
      '0 sent 1',
      '0 rtcp',
      '1 sent 1',
      '1 rtcp',
    ])
  })

  it('FAST-157: what is told of a path comes before the selection of another', () => {
    const { peers, heard, frame } = begin(100)
    const [peer] = peers
    if (peer === undefined) throw new Error('no peer')
    peer.transport.on('path.selected', ({ port }) => heard.push(`0 path ${port}`))
    frame(1)
    w.run(1)
    peer.sendRtcp(writeVerdicts(1, [true]))
    w.run(1)
    peer.port = 6000
    peer.bind()
    w.run(1)
    peer.sendRtcp(writeVerdicts(1, [true]))
    w.run(1)
    expect(heard.map((line) => line.replace(/rtcp \d+/, 'rtcp'))).toEqual([
      '0 sent 1',
      '0 rtcp',
      '0 path 6000',
    ])
  })

  it('FAST-158: a transport that ended says nothing more', () => {
    const { peers, heard, frame } = begin(10)
    frame(1)
    w.run(1)
    for (const peer of peers) peer.sendRtcp(writeVerdicts(1, [true]))
    w.run(1)
    peers[0]?.transport.close()
    w.run(20)
    expect(heard.map((line) => line.replace(/rtcp \d+/, 'rtcp'))).toEqual(['1 sent 1', '1 rtcp'])
  })
})

it('FAST-157: a frame is read where it lies', () => {
  const bytes = new Uint8Array(56)
  const words = new Uint32Array(bytes.buffer)
  const times = new Float64Array(bytes.buffer)
  words.set([7, 16, 0, 0, 70_000, 1_100])
  times[1] = 5
  times[3] = 4
  words.set([8, 2 ** 31 + 4], 8)
  times[5] = 6
  bytes.set([1, 2, 3, 4], 48)
  const reports = new PathReports(bytes)
  expect(reports.next()).toBe(true)
  expect(reports).toMatchObject({ transport: 7, rtcp: false, atUs: 5, sentCount: 1 })
  expect([reports.sequence(0), reports.size(0), reports.sentAtUs(0)]).toEqual([70_000, 1_100, 4])
  const copy = new PathReports(reports.frame())
  expect(copy.next()).toBe(true)
  expect([...readSentPackets(copy.body)]).toEqual([{ sequence: 70_000, size: 1_100, sentAt: 4 }])
  expect(reports.next()).toBe(true)
  expect(reports).toMatchObject({ transport: 8, rtcp: true, atUs: 6 })
  expect([...reports.body]).toEqual([1, 2, 3, 4])
  expect(reports.next()).toBe(false)
})
