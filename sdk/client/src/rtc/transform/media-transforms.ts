import { redundantSounds } from './redundant-sound.ts'
import {
  type TransformOrder,
  type TransformPurpose,
  type TransformReport,
  transformWorker,
} from './transform-worker.ts'

/** Sets how many earlier frames each packet of a sound repeats. */
export interface RedundancyControl {
  setDepth(depth: number): void
}

const startTimeoutMs = 5_000

/** A worker that changes encoded frames on their way out and in. The room owns it. */
export class MediaTransforms {
  readonly #worker: Worker
  #lastId = 0

  private constructor(worker: Worker) {
    this.#worker = worker
  }

  /** Undefined where frames cannot be changed: no such browser, or a content policy without `worker-src blob:`. */
  static async start(): Promise<MediaTransforms | undefined> {
    if (typeof RTCRtpScriptTransform === 'undefined' || typeof Worker === 'undefined') return undefined
    // Bundlers that keep names wrap functions in a call of this.
    const text = `const __name = (each) => each;(${transformWorker})(self, ${redundantSounds})`
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
      return new MediaTransforms(started)
    } catch {
      worker?.terminate()
      return undefined
    } finally {
      clearTimeout(timer)
      URL.revokeObjectURL(address)
    }
  }

  /** Lets the redundancy of a sender of sound be set. Only before its first negotiation: later it has no effect. */
  attachRedundancy(sender: RTCRtpSender): RedundancyControl {
    const id = this.#attach(sender, { purpose: 'redundancy' })
    return { setDepth: (depth) => this.#order({ type: 'depth', id, depth }) }
  }

  close(): void {
    this.#worker.terminate()
  }

  #attach(end: RTCRtpSender | RTCRtpReceiver, purpose: Omit<TransformPurpose, 'id'>): number {
    const id = ++this.#lastId
    end.transform = new RTCRtpScriptTransform(this.#worker, { ...purpose, id })
    return id
  }

  #order(order: TransformOrder): void {
    this.#worker.postMessage(order)
  }
}
