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
/** From the first answer to a check on, DTLS has so long. A lost packet of it is repeated after 80, 160, 320, 640 ms ... */
const handshakeMs = 1_300
/** Round trips that a handshake without losses has time for. */
const handshakeRoundTrips = 6
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
 * Watches one peer connection until it is up. A browser repeats lost packets of its DTLS handshake at doubling distances, and
 * nothing but a new connection makes it begin again with short ones.
 */
export class ConnectWatch {
  readonly #pc: WatchedConnection
  readonly #options: ConnectWatchOptions
  readonly #changed = () => this.#look()
  #timer: ReturnType<typeof setTimeout> | undefined
  #stage: 'idle' | 'checking' | 'handshake' | 'over' = 'idle'

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
      this.#wait(checkingMs)
    } else if (['connected', 'completed'].includes(iceConnectionState) && this.#stage !== 'handshake') {
      this.#stage = 'handshake'
      this.#wait(handshakeMs)
      void this.#allowForDistance()
    }
  }

  /** A long way is no lossy one. */
  async #allowForDistance(): Promise<void> {
    const report = await this.#pc.getStats().catch(() => undefined)
    let roundTripMs = 0
    report?.forEach((record: { type?: string; currentRoundTripTime?: number }) => {
      if (record.type !== 'candidate-pair') return
      roundTripMs = Math.max(roundTripMs, (record.currentRoundTripTime ?? 0) * 1_000)
    })
    const neededMs = roundTripMs * handshakeRoundTrips
    if (this.#stage === 'handshake' && neededMs > handshakeMs) this.#wait(neededMs)
  }

  #wait(usualMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#options.patience.handleGivenUp()
      this.close()
      this.#options.onSlow()
    }, this.#options.patience.msFor(usualMs))
  }
}
