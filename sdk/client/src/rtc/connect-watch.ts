type WatchedConnection = Pick<
  RTCPeerConnection,
  'iceConnectionState' | 'connectionState' | 'getStats' | 'addEventListener' | 'removeEventListener'
>

export interface ConnectWatchOptions {
  patience: ConnectPatience
  /** It takes longer than it should; called once. */
  onSlow: () => void
}

/** Without an answer to its checks, a connection is made anew after so long. */
const checkingMs = 4_000
/** From the first answer to a check on, DTLS has so long. */
const handshakeMs = 2_000
/** And so long where checks were lost: a browser repeats what is lost of DTLS after 80, 160, 320, 640 ms and ever later. */
const lossyHandshakeMs = 700
/** Round trips that a handshake without losses has time for. */
const handshakeRoundTrips = 6
/** A browser that has heard nothing yet checks so often. */
const checkEveryMs = 48
const fewChecks = 2
const lossyShare = 0.6
/** So many times it is tried in haste. */
const hastyTries = 3
const growth = 1.5
const longestMs = 15_000

/** How long a connection may take: the longer, the more of them were given up. */
export class ConnectPatience {
  #givenUp = 0

  msFor(usualMs: number): number {
    return Math.min(longestMs, usualMs * growth ** Math.max(0, this.#givenUp + 1 - hastyTries))
  }

  handleGivenUp(): void {
    this.#givenUp += 1
  }

  reset(): void {
    this.#givenUp = 0
  }
}

/**
 * Watches one peer connection until it is up. Nothing but a new connection makes a browser begin its handshake, and the
 * short distances of what it repeats, again. A server that is late, but loses nothing, is given more time.
 */
export class ConnectWatch {
  readonly #pc: WatchedConnection
  readonly #options: ConnectWatchOptions
  readonly #changed = () => this.#look()
  #timer: ReturnType<typeof setTimeout> | undefined
  #stage: 'idle' | 'checking' | 'handshake' | 'over' = 'idle'
  #stageSinceMs = 0

  constructor(pc: WatchedConnection, options: ConnectWatchOptions) {
    this.#pc = pc
    this.#options = options
    pc.addEventListener('iceconnectionstatechange', this.#changed)
    pc.addEventListener('connectionstatechange', this.#changed)
  }

  close(): void {
    this.#stage = 'over'
    clearTimeout(this.#timer)
    this.#pc.removeEventListener('iceconnectionstatechange', this.#changed)
    this.#pc.removeEventListener('connectionstatechange', this.#changed)
  }

  #look(): void {
    const { connectionState, iceConnectionState } = this.#pc
    if (connectionState === 'connected') {
      this.#options.patience.reset()
      this.close()
    } else if (iceConnectionState === 'checking' && this.#stage === 'idle') {
      this.#stage = 'checking'
      this.#after(this.#options.patience.msFor(checkingMs), () => this.#giveUp())
    } else if (['connected', 'completed'].includes(iceConnectionState) && this.#stage !== 'handshake') {
      this.#stage = 'handshake'
      this.#stageSinceMs = Date.now()
      this.#after(lossyHandshakeMs, () => void this.#judge())
    }
  }

  async #judge(): Promise<void> {
    const report = await this.#pc.getStats().catch(() => undefined)
    if (this.#stage !== 'handshake') return
    const { roundTripMs, isLossy } = checksOf(report)
    const usualMs = this.#options.patience.msFor(isLossy ? lossyHandshakeMs : handshakeMs)
    const allowedMs = Math.max(usualMs, roundTripMs * handshakeRoundTrips)
    this.#after(this.#stageSinceMs + allowedMs - Date.now(), () => this.#giveUp())
  }

  #giveUp(): void {
    this.#options.patience.handleGivenUp()
    this.close()
    this.#options.onSlow()
  }

  #after(ms: number, work: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(work, ms)
  }
}

/** What ICE knows of the path: a check on its way, or one that a slow path has not answered yet, is not a lost one. */
function checksOf(report: RTCStatsReport | undefined): { roundTripMs: number; isLossy: boolean } {
  let roundTripMs = 0
  let due = 0
  let answered = 0
  report?.forEach((record: RTCIceCandidatePairStats) => {
    if (record.type !== 'candidate-pair' || record.state !== 'succeeded') return
    const pairMs = (record.currentRoundTripTime ?? 0) * 1_000
    roundTripMs = Math.max(roundTripMs, pairMs)
    due += Math.max(0, (record.requestsSent ?? 0) - Math.ceil(pairMs / checkEveryMs))
    answered += record.responsesReceived ?? 0
  })
  return { roundTripMs, isLossy: due >= fewChecks && answered < due * lossyShare }
}
