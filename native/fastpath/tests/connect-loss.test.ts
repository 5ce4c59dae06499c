import { describe, expect, it } from 'vitest'
import { ensureFastpath, loadFastpath, type NativeAddon } from '../src/index.ts'
import { type SimulatedPeer, Simulation, writeBinding } from './simulation.ts'

const built = await ensureFastpath()
const addon = 'path' in built ? await loadFastpath() : undefined

/** As Chromium does before it has heard an answer. */
const checkEveryMs = 62
/** Chromium repeats a flight after twice the round trip that ICE found, then after twice as long each time. */
const firstRepeatMs = 80
/** What the client SDK allows a handshake before it begins anew (RTC-140). */
const patienceMs = 700
const tries = 50

interface Losses {
  /** Towards the server. */
  up: number
  down: number
}

function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const isStun = ([first = 0]: Uint8Array) => first < 4

/** A peer that takes the part a browser takes towards us, over a network that loses packets. */
class LossyBrowser {
  readonly peer: SimulatedPeer
  /** When it heard the first answer to its checks. */
  writableMs: number | undefined
  readonly #world: Simulation
  readonly #begunMs: number
  #checks = 0
  #flight: { first: number; nextMs: number; repeats: number } | undefined

  constructor(world: Simulation, losses: Losses, random: () => number) {
    this.#world = world
    this.#begunMs = world.now / 1_000
    const peer = world.addPeer()
    this.peer = peer
    const { iceUfrag, icePwd } = peer.ownTransport
    peer.transport.setRemote({
      dtlsRole: 'client',
      fingerprints: [peer.own.fingerprint],
      ...{ iceUfrag, icePwd },
    })
    peer.ownTransport.setRemote({ dtlsRole: 'server', fingerprints: [world.sfu.fingerprint] })
    world.toPeers.push({
      peer,
      data: writeBinding({ username: `${iceUfrag}:x`, password: icePwd, useCandidate: true }),
    })
    peer.passes = (direction, packet) => {
      if (direction === 'to-sfu') return this.#repeats(packet) && random() >= losses.up
      if (random() < losses.down) return false
      if (isStun(packet)) this.writableMs ??= world.now / 1_000
      // DTLS begins when ICE is through.
      return isStun(packet) || this.writableMs !== undefined
    }
  }

  get isConnected(): boolean {
    return this.peer.transport.connected && this.peer.ownTransport.connected
  }

  check(): void {
    if ((this.#world.now / 1_000 - this.#begunMs) / checkEveryMs < this.#checks) return
    this.#checks += 1
    this.peer.bind()
  }

  /** Of its first flight only what a browser would send; its last one answers ours whenever that comes again. */
  #repeats(packet: Uint8Array): boolean {
    const [first = 0] = packet
    if (first < 20 || first > 63) return true
    const nowMs = this.#world.now / 1_000
    if (this.#flight?.first !== first) this.#flight = { first, nextMs: nowMs + firstRepeatMs, repeats: 0 }
    else if (first === 22) {
      if (nowMs < this.#flight.nextMs) return false
      this.#flight.repeats += 1
      this.#flight.nextMs = nowMs + firstRepeatMs * 2 ** this.#flight.repeats
    }
    return true
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
})
