import type { redundantSounds } from './redundant-sound.ts'

/** What a transform is for, told when it is attached to a sender or receiver. */
export interface TransformPurpose {
  purpose: 'redundancy'
  /** Names the sender or receiver in later orders. */
  id: number
}

export interface TransformOrder {
  type: 'depth'
  id: number
  depth: number
}

export interface TransformReport {
  type: 'ready'
}

interface EncodedFrame {
  data: ArrayBuffer
  getMetadata(): { mimeType?: string; rtpTimestamp?: number }
}

interface TransformScope {
  onmessage: ((event: { data: TransformOrder }) => void) | null
  onrtctransform: ((event: { transformer: TransformStreams & { options: TransformPurpose } }) => void) | null
  postMessage(report: TransformReport): void
}

interface TransformStreams {
  readable: ReadableStream<EncodedFrame>
  writable: WritableStream<EncodedFrame>
}

/**
 * What runs in the worker that sees encoded frames. It stands alone as `redundantSounds` does, which it is given as
 * an argument.
 */
export function transformWorker(scope: TransformScope, makeSounds: typeof redundantSounds): void {
  const newSound = makeSounds()
  const depths = new Map<number, number>()

  const redundancy = ({ id }: TransformPurpose) => {
    const sound = newSound()
    return (frame: EncodedFrame) => {
      const { mimeType, rtpTimestamp } = frame.getMetadata()
      if (mimeType?.toLowerCase() !== 'audio/red' || rtpTimestamp === undefined) return
      frame.data = sound.repack(frame.data, rtpTimestamp, depths.get(id) ?? 1)
    }
  }

  const attach = ({ readable, writable }: TransformStreams, purpose: TransformPurpose) => {
    const change = redundancy(purpose)
    const stream = new TransformStream<EncodedFrame, EncodedFrame>({
      transform: (frame, controller) => {
        change(frame)
        controller.enqueue(frame)
      },
    })
    // Ends with its sender or receiver.
    readable
      .pipeThrough(stream)
      .pipeTo(writable)
      .catch(() => undefined)
  }

  scope.onrtctransform = ({ transformer }) => attach(transformer, transformer.options)
  scope.onmessage = ({ data }) => {
    depths.set(data.id, data.depth)
  }
  scope.postMessage({ type: 'ready' })
}
