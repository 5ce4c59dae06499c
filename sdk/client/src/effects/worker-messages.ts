import type { PersonMask } from './person-segmenter.ts'

/** As `Background`, with an image that can be sent to a worker. */
export type WorkerBackground = { type: 'blur'; strength?: number } | { type: 'image'; image: ImageBitmap }

/** What the page tells the worker; `mask` answers each `picture`. */
export type WorkerRequest =
  | {
      type: 'start'
      readable: ReadableStream<VideoFrame>
      writable: WritableStream<VideoFrame>
      pictureWidth: number
      framesPerSecond: number
    }
  | { type: 'background'; background: WorkerBackground }
  | { type: 'mask'; mask: PersonMask | undefined }

export type WorkerReport =
  | { type: 'picture'; picture: ImageData }
  | { type: 'drawn'; tookMs: number }
  | { type: 'failed'; reason: string }
