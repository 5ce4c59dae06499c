export interface PathWatchOptions {
  /** Asks for new ICE credentials on both sides; its failure is followed by the next try. */
  restart: () => Promise<unknown>
  onLost: () => void
  onBack: () => void
  /** Nothing has helped for `giveUpAfterMs`; called once. */
  onGivenUp: () => void
}

type WatchedConnection = Pick<
  RTCPeerConnection,
  'iceConnectionState' | 'addEventListener' | 'removeEventListener'
>

/** A short loss of packets heals by itself; ICE reports it as `disconnected` first. */
const patienceMs = 1_500
const firstRetryMs = 3_000
const longestRetryMs = 10_000
const giveUpAfterMs = 30_000

/** Watches the network path of one peer connection and restarts ICE (RFC 8445, section 9) while it is lost. */
export class PathWatch {
  readonly #pc: WatchedConnection
  readonly #options: PathWatchOptions
  readonly #changed = () => this.#look()
  #timer: ReturnType<typeof setTimeout> | undefined
  #lostSinceMs: number | undefined
  #attempt = 0
  #closed = false

  constructor(pc: WatchedConnection, options: PathWatchOptions) {
    this.#pc = pc
    this.#options = options
    pc.addEventListener('iceconnectionstatechange', this.#changed)
  }

  get isLost(): boolean {
    return this.#lostSinceMs !== undefined
  }

  /** Tries at once what would be tried later: the signalling is back, or the network has changed. */
  hurry(): void {
    if (this.isLost && !this.#closed) this.#restart()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#pc.removeEventListener('iceconnectionstatechange', this.#changed)
  }

  #look(): void {
    switch (this.#pc.iceConnectionState) {
      case 'connected':
      case 'completed':
        clearTimeout(this.#timer)
        this.#timer = undefined
        if (this.isLost) {
          this.#lostSinceMs = undefined
          this.#attempt = 0
          this.#options.onBack()
        }
        return
      case 'disconnected':
        if (!this.isLost) this.#after(patienceMs, () => this.#lose())
        return
      case 'failed':
        if (!this.isLost) this.#lose()
        return
    }
  }

  #lose(): void {
    this.#lostSinceMs = Date.now()
    this.#options.onLost()
    this.#restart()
  }

  #restart(): void {
    const lostMs = Date.now() - (this.#lostSinceMs ?? Date.now())
    if (lostMs >= giveUpAfterMs) {
      this.close()
      this.#options.onGivenUp()
      return
    }
    const retryMs = Math.min(longestRetryMs, firstRetryMs * 2 ** this.#attempt++)
    this.#after(retryMs, () => this.#restart())
    this.#options.restart().catch(() => undefined) // The timer above tries again.
  }

  #after(ms: number, work: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(work, ms)
  }
}
