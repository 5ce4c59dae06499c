import type { Draw } from './video-transform.ts'

/** W3C MediaStreamTrack Insertable Media Processing using Streams, as Chromium has it on the page. */
interface BreakoutBox {
  MediaStreamTrackProcessor: new (init: {
    track: MediaStreamTrack
    maxBufferSize?: number
  }) => { readable: ReadableStream<VideoFrame> }
  MediaStreamTrackGenerator: new (init: {
    kind: 'video'
  }) => MediaStreamTrack & { writable: WritableStream<VideoFrame> }
}

export interface FrameEnds {
  readable: ReadableStream<VideoFrame>
  /** A track that shows what is written to its `writable`. */
  output: MediaStreamTrack & { writable: WritableStream<VideoFrame> }
}

/** The frames of a track, and a track of frames; undefined where the browser has neither. */
export function openFrames(input: MediaStreamTrack): FrameEnds | undefined {
  const { MediaStreamTrackProcessor, MediaStreamTrackGenerator } = globalThis as Partial<BreakoutBox>
  if (!MediaStreamTrackProcessor || !MediaStreamTrackGenerator) return undefined
  const { readable } = new MediaStreamTrackProcessor({ track: input, maxBufferSize: 1 })
  return { readable, output: new MediaStreamTrackGenerator({ kind: 'video' }) }
}

/** Draws frame after frame. `done` resolves when no more come, and rejects when one cannot be drawn. */
export function carryFrames(
  reader: ReadableStreamDefaultReader<VideoFrame>,
  writer: WritableStreamDefaultWriter<VideoFrame>,
  draw: Draw,
): { done: Promise<void>; close: () => void } {
  let isOver = false
  const carry = async (frame: VideoFrame) => {
    try {
      const { displayWidth: width, displayHeight: height, timestamp } = frame
      const canvas = await draw({ image: frame, width, height })
      if (canvas && !isOver) await writer.write(new VideoFrame(canvas, { timestamp }))
    } finally {
      frame.close()
    }
  }
  const run = async () => {
    while (!isOver) {
      const { value, done } = await reader.read()
      // The owner of the input has ended it, and says so by itself.
      if (done) return
      await carry(value)
    }
  }
  return {
    done: run(),
    close: () => {
      isOver = true
      void reader.cancel().catch(() => undefined)
      void writer.close().catch(() => undefined)
    },
  }
}
