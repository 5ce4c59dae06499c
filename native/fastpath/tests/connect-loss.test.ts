import { describe, expect, it } from 'vitest'
import type { NativeAddon } from '../src/index.ts'
import { addon } from './built-addon.ts'
import { type Losses, LossyBrowser } from './lossy-browser.ts'
import { Simulation, writeBinding, writePli } from './simulation.ts'

/** What the client SDK allows a handshake before it begins anew (RTC-140). */
const patienceMs = 700
const tries = 50
/** Later ones number repetitions anew by the system clock, which does not move here. */
const [openSslMajor = 0, openSslMinor = 0] = process.versions.openssl
  .split('.')
  .map((part) => Number.parseInt(part, 10))
const followsOurClock = openSslMajor === 3 && openSslMinor < 2

function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Until both sides hold the keys, in ms. */
function connect(seed: number, losses: Losses): number {
  const world = new Simulation(addon as NativeAddon)
  const random = seeded(seed)
  const begunMs = world.now / 1_000
  try {
    let browser = new LossyBrowser(world, losses, random)
    while (!browser.isConnected && world.now / 1_000 - begunMs < 60_000) {
      if (world.now / 1_000 - (browser.writableMs ?? Number.POSITIVE_INFINITY) > patienceMs) {
        browser.peer.transport.close()
        world.removePeer(browser.peer)
        browser = new LossyBrowser(world, losses, random)
      }
      browser.check()
      world.run(1)
    }
    return world.now / 1_000 - begunMs
  } finally {
    world.close()
  }
}

function connectAll(losses: Losses): { median: number; ninth: number; worst: number } {
  const times = Array.from({ length: tries }, (_, index) => connect(index + 1, losses)).sort((a, b) => a - b)
  const at = (share: number) => times[Math.ceil(times.length * share) - 1] ?? Number.NaN
  return { median: at(0.5), ninth: at(0.9), worst: at(1) }
}

describe.skipIf(!addon)('connecting while packets are lost, on a virtual clock', () => {
  for (const [losses, most] of [
    [
      { up: 0, down: 0.7 },
      { median: 400, ninth: 1_000, worst: 2_500 },
    ],
    [
      { up: 0, down: 0.8 },
      { median: 600, ninth: 1_500, worst: 4_000 },
    ],
    [
      { up: 0.7, down: 0 },
      { median: 900, ninth: 3_000, worst: 6_000 },
    ],
    [
      { up: 0.8, down: 0 },
      { median: 2_000, ninth: 5_000, worst: 8_000 },
    ],
  ] as const) {
    it(`FAST-147: ${tries} connections of which ${losses.up * 100} % up and ${losses.down * 100} % down are lost`, () => {
      const times = connectAll(losses)
      expect(times.median).toBeLessThan(most.median)
      expect(times.ninth).toBeLessThan(most.ninth)
      expect(times.worst).toBeLessThan(most.worst)
    }, 60_000)
  }

  /** A browser that is connected, but whose last flight has not come through. */
  function withoutLastFlight() {
    const world = new Simulation(addon as NativeAddon)
    const browser = new LossyBrowser(world, { up: 0, down: 0 }, () => 0.5)
    const { peer } = browser
    const { passes } = peer
    const path = { isOpen: false }
    const [finished, answers] = [new Set<string>(), new Set<string>()]
    peer.passes = (direction, packet) => {
      const text = Buffer.from(packet).toString('base64')
      if (direction === 'to-peer' && packet[0] === 22 && packet[13] === 11) finished.add(text)
      if (direction === 'to-sfu' && packet[0] === 20) answers.add(text)
      return (path.isOpen || direction === 'to-peer' || packet[0] !== 20) && passes(direction, packet)
    }
    const run = (milliseconds: number): void => {
      for (let passed = 0; passed < milliseconds; passed++) {
        browser.check()
        world.run(1)
      }
    }
    while (!peer.ownTransport.connected) run(1)
    const keys = peer.own.srtpKeys(peer.ownTransport.id)
    if (keys) peer.srtp = world.addon.createSrtp(keys.profile, keys.local, keys.remote)
    return { world, peer, run, path, finished, answers }
  }

  it.skipIf(!followsOurClock)('FAST-148: a lost last flight is asked for eleven times at most', () => {
    const { world, run, finished, answers } = withoutLastFlight()
    run(28_000)
    expect(finished.size).toBe(12)
    expect(answers.size).toBe(12)
    world.close()
  })

  it('FAST-149: what comes is opened before the last flight of the peer is there', () => {
    const { world, peer, run } = withoutLastFlight()
    run(50)
    expect(peer.transport.connected).toBe(false)
    peer.sendRtcp(writePli(1))
    run(1)
    expect(peer.transport.connected).toBe(true)
    expect(world.sfu.stats().transports[0]).toMatchObject({ authFailures: 0 })
    world.close()
  })

  it.skipIf(!followsOurClock)(
    'FAST-149: who says nothing is sent to all the same, and application data waits for the handshake',
    () => {
      const { world, peer, run, path } = withoutLastFlight()
      const got: string[] = []
      peer.ownTransport.allowData(100)
      peer.ownTransport.on('data.received', ({ bytes }) => got.push(String(Buffer.from(bytes))))
      run(600)
      expect(peer.transport.connected).toBe(true)
      peer.transport.sendData(Buffer.from('early'))
      run(100)
      expect(got).toEqual([])
      path.isOpen = true
      run(2_000)
      expect(got).toEqual(['early'])
      world.close()
    },
  )

  it('FAST-150: answers leave three times until the peer hears them, forty copies a second at most', () => {
    const world = new Simulation(addon as NativeAddon)
    const peer = world.addPeer()
    const request = writeBinding({
      username: `${peer.transport.iceUfrag}:${peer.ownTransport.iceUfrag}`,
      password: peer.transport.icePwd,
    })
    const answers = (requests: number): number => {
      const packets = Array.from({ length: requests }, () => ({
        local: 0,
        address: '10.0.0.1',
        port: 5000,
        data: request,
      }))
      return world.sfu.step(world.now, packets).filter(({ data: [first = 0] }) => first === 1).length
    }
    expect(answers(1)).toBe(3)
    world.now += 1_000_000
    expect(answers(100)).toBe(140)
    world.connect(peer)
    world.now += 1_000_000
    expect(answers(1)).toBe(1)
    world.now += 100_000
    expect(answers(1)).toBe(3)
    world.close()
  })
})
