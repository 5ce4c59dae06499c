import type { KeyRing } from '../key-ring.ts'
import { frameSealing } from './frame-sealing.ts'
import { redundantSounds } from './redundant-sound.ts'
import {
  type E2eeState,
  type TransformOrder,
  type TransformPurpose,
  type TransformReport,
  type TransformStreams,
  transformWorker,
} from './transform-worker.ts'

/** Sets how many earlier frames each packet of a sound repeats. */
export interface RedundancyControl {
  setDepth(depth: number): void
}

/** What a receiver carries now: whose keys open it, and who hears how that goes. */
export interface SealedSource {
  userId: string
  onState: (state: E2eeState) => void
}

const startTimeoutMs = 5_000

type End = RTCRtpSender | RTCRtpReceiver

/** Of Chromium before 141, where there are no transforms yet. */
type StreamingEnd = End & { createEncodedStreams(): TransformStreams }

/** How this browser lets frames be changed. */
function wayOf(): 'transform' | 'streams' | undefined {
  if (typeof Worker === 'undefined') return undefined
  if (typeof RTCRtpScriptTransform !== 'undefined') return 'transform'
  return typeof RTCRtpSender !== 'undefined' && 'createEncodedStreams' in RTCRtpSender.prototype
    ? 'streams'
    : undefined
}

/** A worker that changes encoded frames on their way out and in. The room owns it. */
export class MediaTransforms {
  readonly #worker: Worker
  readonly #way: 'transform' | 'streams'
  readonly #attached = new Map<number, () => void>()
  readonly #states = new Map<number, (state: E2eeState) => void>()
  readonly #receivers = new WeakMap<RTCRtpReceiver, number>()
  #unfollow: (() => void) | undefined
  #lastId = 0

  private constructor(worker: Worker, way: 'transform' | 'streams') {
    this.#worker = worker
    this.#way = way
    worker.onmessage = ({ data }: MessageEvent<TransformReport>) => this.#take(data)
  }

  /** Undefined where frames cannot be changed: no such browser, or a content policy without `worker-src blob:`. */
  static async start(): Promise<MediaTransforms | undefined> {
    const way = wayOf()
    if (way === undefined) return undefined
    // Bundlers that keep names wrap functions in a call of this.
    const text = `const __name = (each) => each;(${transformWorker})(self, ${redundantSounds}, ${frameSealing})`
    const address = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))
    let worker: Worker | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    try {
      const started = new Worker(address)
      worker = started
      // Without an answer nothing may be attached: frames would go in and never come out.
      await new Promise<void>((resolve, reject) => {
        timer = setTimeout(() => reject(new Error('The worker did not start')), startTimeoutMs)
        started.onerror = () => reject(new Error('The worker was refused'))
        started.onmessage = ({ data }: MessageEvent<TransformReport>) => data.type === 'ready' && resolve()
      })
      return new MediaTransforms(started, way)
    } catch {
      worker?.terminate()
      return undefined
    } finally {
      clearTimeout(timer)
      URL.revokeObjectURL(address)
    }
  }

  /** What a peer connection must be made with. */
  get configuration(): RTCConfiguration {
    const streams: RTCConfiguration & { encodedInsertableStreams: boolean } = {
      encodedInsertableStreams: true,
    }
    return this.#way === 'streams' ? streams : {}
  }

  /** From now on keys are those of the ring; this client's frames are sealed with the user's own, or the shared one. */
  useKeys(keys: KeyRing, ownUserId: string): void {
    this.#unfollow?.()
    this.#order({ type: 'own', userId: ownUserId })
    this.#unfollow = keys.follow((order) => this.#order(order))
  }

  /**
   * Lets the redundancy of a sender of sound be set. Only before its first negotiation: later it has no effect.
   * Undefined in browsers of the old way, where a connection must be made for it.
   */
  attachRedundancy(sender: RTCRtpSender): RedundancyControl | undefined {
    if (this.#way === 'streams') return undefined
    const { id } = this.#attach(sender, 'redundancy', 'audio')
    return { setDepth: (depth) => this.#order({ type: 'depth', id, depth }) }
  }

  /** Seals all that a sender sends; resolves when a track may be given to it. Before its first negotiation. */
  async attachSeal(
    sender: RTCRtpSender,
    kind: 'audio' | 'video',
    onState: (state: E2eeState) => void,
  ): Promise<void> {
    const { id, attached } = this.#attach(sender, 'seal', kind)
    this.#states.set(id, onState)
    await attached
  }

  /** Opens what a receiver gets, once `setSource` says whose it is. As soon as the receiver is there. */
  attachOpen(receiver: RTCRtpReceiver): void {
    if (this.#receivers.has(receiver)) return
    const kind = receiver.track.kind === 'audio' ? 'audio' : 'video'
    this.#receivers.set(receiver, this.#attach(receiver, 'open', kind).id)
  }

  setSource(receiver: RTCRtpReceiver, { userId, onState }: SealedSource): void {
    const id = this.#receivers.get(receiver)
    if (id === undefined) return
    this.#states.set(id, onState)
    this.#order({ type: 'source', id, userId })
  }

  close(): void {
    this.#unfollow?.()
    this.#states.clear()
    this.#worker.terminate()
  }

  #attach(
    end: End,
    purpose: TransformPurpose['purpose'],
    kind: 'audio' | 'video',
  ): { id: number; attached: Promise<void> } {
    const id = ++this.#lastId
    const options: TransformPurpose = { purpose, kind, id }
    const attached = new Promise<void>((resolve) => this.#attached.set(id, resolve))
    if (this.#way === 'transform') end.transform = new RTCRtpScriptTransform(this.#worker, options)
    else {
      const { readable, writable } = (end as StreamingEnd).createEncodedStreams()
      const order: TransformOrder = { type: 'streams', purpose: options, readable, writable }
      this.#worker.postMessage(order, [
        readable as unknown as Transferable,
        writable as unknown as Transferable,
      ])
    }
    return { id, attached }
  }

  #take(report: TransformReport): void {
    if (report.type === 'attached') {
      this.#attached.get(report.id)?.()
      this.#attached.delete(report.id)
    } else if (report.type === 'state') this.#states.get(report.id)?.(report.state)
  }

  #order(order: TransformOrder): void {
    this.#worker.postMessage(order)
  }
}
