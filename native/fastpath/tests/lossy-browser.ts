import { type SimulatedPeer, type Simulation, writeBinding } from './simulation.ts'

/** As Chromium does before it has heard an answer. */
const checkEveryMs = 62
/** Chromium repeats a flight after twice the round trip that ICE found, then after twice as long each time. */
const firstRepeatMs = 80
/** Shares from 0 to 1. */
export interface Losses {
  /** Towards the server. */
  up: number
  down: number
}

const isStun = ([first = 0]: Uint8Array) => first < 4

/** A peer that takes the part a browser takes towards us, over a network that loses packets. */
export class LossyBrowser {
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
