import { afterEach, describe, expect, it } from 'vitest'
import type { NativeAddon } from '../src/index.ts'
import { addon } from './built-addon.ts'
import { Simulation, writeBinding, writePli } from './simulation.ts'

describe.skipIf(!addon)('connecting, on a virtual clock', () => {
  const worlds: Simulation[] = []
  const world = (options = {}) => {
    const made = new Simulation(addon as NativeAddon, options)
    worlds.push(made)
    return made
  }
  afterEach(() => {
    for (const made of worlds.splice(0)) made.close()
  })

  it('FAST-1: a classifiable packet of an unknown address is dropped and counted', () => {
    const w = world()
    for (const first of [0x16, 0x80, 0x90, 0x50, 0x10]) {
      expect(
        w.sfu.step(w.now, [{ local: 0, address: '10.9.9.9', port: 1, data: new Uint8Array(40).fill(first) }]),
      ).toEqual([])
    }
    expect(w.sfu.stats().strayPackets).toBe(5)
  })

  it('FAST-2: only an authenticated binding request is answered', () => {
    const w = world()
    const peer = w.addPeer()
    const username = `${peer.transport.iceUfrag}:${peer.ownTransport.iceUfrag}`
    const right = { username, password: peer.transport.icePwd }
    const answersTo = (data: Uint8Array) =>
      w.sfu.step(w.now, [{ local: 0, address: '10.0.0.9', port: 9, data }])
    expect(answersTo(writeBinding({ ...right, password: 'x'.repeat(24) }))).toEqual([])
    expect(answersTo(writeBinding({ ...right, username: 'nobody:x' }))).toEqual([])
    expect(answersTo(writeBinding({ ...right, username: `${peer.transport.iceUfrag}:stranger` }))).toEqual([])
    expect(answersTo(writeBinding({ ...right, fingerprint: false }))).toEqual([])
    const answers = answersTo(writeBinding({ ...right, transactionId: new Uint8Array(12).fill(5) }))
    const answer = answers[0]?.data ?? new Uint8Array()
    for (const { data } of answers) expect(data).toEqual(answer)
    expect(w.addon.checkStun(answer, peer.transport.icePwd)).toMatchObject({
      type: 0x0101,
      integrity: true,
      fingerprint: true,
      transactionId: new Uint8Array(12).fill(5),
    })
  })

  it('FAST-3: a controlled peer is told of the role conflict and does not count', () => {
    const w = world()
    const peer = w.addPeer()
    const request = writeBinding({
      username: `${peer.transport.iceUfrag}:${peer.ownTransport.iceUfrag}`,
      password: peer.transport.icePwd,
      controlled: true,
    })
    const [answer] = w.sfu.step(w.now, [{ local: 0, address: '10.0.0.9', port: 9, data: request }])
    const bytes = Buffer.from(answer?.data ?? [])
    expect(bytes.readUInt16BE(0)).toBe(0x0111)
    expect([bytes[26], bytes[27]]).toEqual([4, 87])
  })

  it('FAST-4: DTLS connects in both roles and both sides hold each other’s keys', () => {
    const w = world()
    const peer = w.join()
    const theirs = peer.own.srtpKeys(peer.ownTransport.id)
    const ours = w.sfu.srtpKeys(peer.transport.id)
    expect(theirs?.profile).toBe('AEAD_AES_128_GCM')
    expect(ours?.local).toEqual(theirs?.remote)
    expect(ours?.remote).toEqual(theirs?.local)
  })

  it('FAST-5: the handshake survives the loss of any one datagram, and of half of them', () => {
    for (let lost = 0; lost < 8; lost++) {
      const w = world()
      const peer = w.addPeer()
      let count = 0
      peer.passes = (_direction, packet) => (packet[0] ?? 0) < 20 || (packet[0] ?? 0) > 63 || count++ !== lost
      w.connect(peer)
      expect(peer.transport.connected, `datagram ${lost}`).toBe(true)
    }
    const w = world()
    const peer = w.addPeer()
    let random = 12345
    peer.passes = (_direction, packet) => {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0
      return (packet[0] ?? 0) < 20 || (packet[0] ?? 0) > 63 || random % 1000 < 500
    }
    w.connect(peer, 25_000)
    expect(peer.transport.connected).toBe(true)
  })

  it('FAST-6: no handshake datagram exceeds 1200 bytes', () => {
    const w = world()
    const peer = w.addPeer()
    const sizes: number[] = []
    peer.passes = (_direction, packet) => sizes.push(packet.length) > 0
    w.connect(peer)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1200)
  })

  it('FAST-7: a certificate that was not announced ends the transport', () => {
    const w = world()
    const peer = w.addPeer()
    peer.transport.setRemote({ dtlsRole: 'server', fingerprints: ['00'.repeat(32)] })
    const reasons: string[] = []
    peer.transport.on('closed', ({ reason }) => reasons.push(reason))
    w.connect(peer, 1000)
    expect(reasons).toEqual(['fingerprint-mismatch'])
    expect(w.sfu.stats().transports).toEqual([])
  })

  it('FAST-8: 30 s without an authenticated request end it as consent-expired, requests keep it', () => {
    const w = world()
    const [quiet, alive] = [w.join(), w.join()]
    const reasons: string[] = []
    quiet.transport.on('closed', ({ reason }) => reasons.push(reason))
    for (let second = 0; second < 28; second++) {
      w.run(1000)
      alive.bind()
    }
    expect(reasons).toEqual([])
    for (let second = 0; second < 5; second++) {
      w.run(1000)
      alive.bind()
    }
    expect(reasons).toEqual(['consent-expired'])
    expect(alive.transport.closed).toBe(false)
  })

  it('FAST-8: a transport that never connects ends as connect-timeout', () => {
    const w = world({ connectTimeoutMs: 5000 })
    const peer = w.addPeer()
    const reasons: string[] = []
    peer.transport.on('closed', ({ reason }) => reasons.push(reason))
    w.run(7000)
    expect(reasons).toEqual(['connect-timeout'])
  })

  it('FAST-9: media moves to a new address only when the peer proves itself there', () => {
    const w = world()
    const peer = w.join()
    peer.sendRtcp(writePli(1))
    w.run(1)
    const moves: string[] = []
    peer.transport.on('path.selected', ({ address, port }) => moves.push(`${address}:${port}`))

    // An attacker repeats a request of the peer from elsewhere: nothing moves, only a check goes there.
    const request = writeBinding({
      username: `${peer.transport.iceUfrag}:${peer.ownTransport.iceUfrag}`,
      password: peer.transport.icePwd,
      useCandidate: true,
    })
    const sent = w.sfu.step(w.now, [{ local: 0, address: '10.6.6.6', port: 666, data: request }])
    expect(moves).toEqual([])
    const check = sent.find((packet) => Buffer.from(packet.data).readUInt16BE(0) === 0x0001)
    expect(check).toMatchObject({ address: '10.6.6.6' })
    expect(w.addon.checkStun(check?.data ?? new Uint8Array(), peer.ownTransport.icePwd)).toMatchObject({
      integrity: true,
    })

    // The peer itself moves and answers the check there.
    peer.port = 6000
    peer.bind()
    w.run(1)
    expect(moves).toEqual([])
    peer.sendRtcp(writePli(1))
    w.run(1)
    expect(moves).toEqual([`${peer.address}:6000`])
  })

  it('FAST-9: address changes are rate limited', () => {
    const w = world()
    const peer = w.join()
    let moves = 0
    peer.transport.on('path.selected', () => {
      moves += 1
    })
    for (let change = 0; change < 14; change++) {
      peer.port = 7000 + change
      peer.bind()
      peer.sendRtcp(writePli(1))
      w.run(10)
    }
    expect(moves).toBeLessThan(9)
    expect(moves).toBeGreaterThan(3)
  })

  it('FAST-10: an ICE restart takes new credentials and refuses the old ones, media goes on', () => {
    const w = world()
    const peer = w.join()
    const old = { username: `${peer.transport.iceUfrag}:x`, password: peer.transport.icePwd }
    const before = peer.transport.iceUfrag
    peer.transport.restartIce()
    expect(peer.transport.iceUfrag).not.toBe(before)
    expect(w.sfu.step(w.now, [{ local: 0, address: '10.0.0.9', port: 9, data: writeBinding(old) }])).toEqual(
      [],
    )
    peer.port = 6000
    peer.bind()
    w.run(1)
    expect(peer.transport.closed).toBe(false)
    const stats = w.sfu.stats()
    expect(stats.transports[0]?.connected).toBe(true)
  })

  it('FAST-11: application data goes both ways over DTLS', () => {
    const w = world()
    const peer = w.join()
    const got: string[] = []
    peer.transport.allowData(100)
    peer.ownTransport.allowData(100)
    peer.transport.on('data.received', ({ bytes }) => got.push(`sfu:${Buffer.from(bytes)}`))
    peer.ownTransport.on('data.received', ({ bytes }) => got.push(`peer:${Buffer.from(bytes)}`))
    peer.ownTransport.sendData(Buffer.from('up'))
    peer.transport.sendData(Buffer.from('down'))
    w.run(2)
    expect(got.sort()).toEqual(['peer:down', 'sfu:up'])
  })

  it('FAST-12: the end of a peer’s DTLS ends its transport', () => {
    const w = world()
    const peer = w.join()
    const reasons: string[] = []
    peer.transport.on('closed', ({ reason }) => reasons.push(reason))
    peer.ownTransport.close()
    w.run(2)
    expect(reasons).toEqual(['dtls-closed'])
  })

  it('FAST-13: forged, replayed and malformed packets change nothing and are counted', () => {
    const w = world()
    const peer = w.join()
    const wire: Uint8Array[] = []
    peer.passes = (direction, packet) => {
      if (direction === 'to-sfu' && (packet[0] ?? 0) >= 128) wire.push(packet)
      return true
    }
    peer.sendRtcp(writePli(99))
    w.run(1)
    const [captured] = wire
    if (!captured) throw new Error('nothing captured')
    peer.send(captured)
    const forged = Uint8Array.from(captured)
    forged[20] = (forged[20] ?? 0) ^ 1
    peer.send(forged)
    peer.send(new Uint8Array([0x80, 96, 0, 1]))
    w.run(1)
    const [stats] = w.sfu.stats().transports
    expect(stats).toMatchObject({ replays: 1, authFailures: 1, malformed: 1 })
  })
})
