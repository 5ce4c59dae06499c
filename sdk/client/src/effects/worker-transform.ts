import type { Background } from './background-painter.ts'
import type { PersonSegmenter } from './person-segmenter.ts'
import { openFrames } from './video-frames.ts'
import type { VideoTransform } from './video-transform.ts'
import type { WorkerReport, WorkerRequest } from './worker-messages.ts'

export interface WorkerTransformOptions {
  workerUrl: string
  background: Background
  segmenter: PersonSegmenter
  framesPerSecond: number
  onDrawn: (tookMs: number) => void
  onFailed: (error: unknown) => void
}

export interface WorkerTransform extends VideoTransform {
  setBackground(background: Background): void
}

/** Draws in a worker, which it owns; undefined where the browser has no frames to hand over. */
export function transformInWorker(
  input: MediaStreamTrack,
  options: WorkerTransformOptions,
): WorkerTransform | undefined {
  const ends = openFrames(input)
  if (!ends) return undefined
  const { workerUrl, segmenter, framesPerSecond, onDrawn } = options
  const { readable, output } = ends
  const worker = new Worker(workerUrl, { type: 'module' })
  const { writable } = output
  let isOver = false
  const send = (request: WorkerRequest, transfer: Transferable[] = []) =>
    worker.postMessage(request, transfer)
  const fail = (error: unknown) => {
    if (!isOver) options.onFailed(error)
  }
  const answer = async (picture: ImageData) => {
    const mask = await segmenter.segment(picture)
    if (!isOver) send({ type: 'mask', mask })
  }
  worker.onerror = ({ message }) => fail(new Error(message || 'The worker could not be loaded'))
  worker.onmessage = ({ data: report }: MessageEvent<WorkerReport>) => {
    switch (report.type) {
      case 'picture':
        answer(report.picture).catch(fail)
        return
      case 'drawn':
        onDrawn(report.tookMs)
        return
      case 'failed':
        fail(new Error(report.reason))
        return
    }
  }
  const setBackground = (background: Background) => {
    const sendable =
      background.type === 'blur'
        ? Promise.resolve(background)
        : createImageBitmap(background.image).then((image) => ({ type: 'image' as const, image }))
    sendable.then((background) => {
      if (!isOver) send({ type: 'background', background })
    }, fail)
  }
  setBackground(options.background)
  const { pictureWidth } = segmenter
  send({ type: 'start', readable, writable, pictureWidth, framesPerSecond }, [
    readable as unknown as Transferable,
    writable as unknown as Transferable,
  ])
  return {
    output,
    setBackground,
    close: () => {
      if (isOver) return
      isOver = true
      worker.terminate()
      output.stop()
    },
  }
}
