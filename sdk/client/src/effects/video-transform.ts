/** A picture, and its size in pixels. */
export interface Picture {
  image: CanvasImageSource
  width: number
  height: number
}

export interface VideoTransformOptions {
  /** Answers a canvas that shows what becomes of the picture; undefined: the picture is left out. */
  draw: (picture: Picture) => Promise<Canvas | undefined>
  /** No more pictures come or can be taken. */
  onFailed: (error: unknown) => void
}

export type Canvas = HTMLCanvasElement | OffscreenCanvas

export interface VideoTransform {
  readonly output: MediaStreamTrack
  close(): void
}

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

/** Sends each picture of a track through `draw`. The caller owns the track; `close` ends the output. */
export function transformVideo(input: MediaStreamTrack, options: VideoTransformOptions): VideoTransform {
  const scope = globalThis as Partial<BreakoutBox>
  const { MediaStreamTrackProcessor, MediaStreamTrackGenerator } = scope
  return MediaStreamTrackProcessor && MediaStreamTrackGenerator
    ? throughFrames(input, options, { MediaStreamTrackProcessor, MediaStreamTrackGenerator })
    : throughElements(input, options)
}

/** Frames of the track itself; they go on in a page that is not in view. */
function throughFrames(
  input: MediaStreamTrack,
  { draw, onFailed }: VideoTransformOptions,
  box: BreakoutBox,
): VideoTransform {
  const reader = new box.MediaStreamTrackProcessor({ track: input, maxBufferSize: 1 }).readable.getReader()
  const output = new box.MediaStreamTrackGenerator({ kind: 'video' })
  const writer = output.writable.getWriter()
  let isOver = false
  const take = async (frame: VideoFrame) => {
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
      await take(value)
    }
  }
  run().catch((error: unknown) => {
    if (!isOver) onFailed(error)
  })
  return {
    output,
    close: () => {
      if (isOver) return
      isOver = true
      void reader.cancel().catch(() => undefined)
      void writer.close().catch(() => undefined)
      output.stop()
    },
  }
}

/** Through a video element and the stream of a canvas; browsers slow both down in a page that is not in view. */
function throughElements(input: MediaStreamTrack, { draw, onFailed }: VideoTransformOptions): VideoTransform {
  const video = document.createElement('video')
  video.muted = true
  video.playsInline = true
  video.srcObject = new MediaStream([input])
  const canvas = document.createElement('canvas')
  canvas.width = input.getSettings().width ?? 640
  canvas.height = input.getSettings().height ?? 360
  const context = canvas.getContext('2d')
  const [output] = canvas.captureStream().getVideoTracks()
  if (!context || !output)
    throw new DOMException('The browser takes no pictures off a canvas', 'NotSupportedError')
  let isOver = false
  let timer: ReturnType<typeof setTimeout> | undefined
  const take = async () => {
    const { videoWidth: width, videoHeight: height } = video
    if (width === 0 || height === 0) return
    const drawn = await draw({ image: video, width, height })
    if (!drawn || isOver) return
    if (canvas.width !== drawn.width) canvas.width = drawn.width
    if (canvas.height !== drawn.height) canvas.height = drawn.height
    context.drawImage(drawn, 0, 0)
  }
  const next = () => {
    if (isOver) return
    const onPicture = () => {
      take().then(next, (error: unknown) => {
        if (!isOver) onFailed(error)
      })
    }
    if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback(onPicture)
    else timer = setTimeout(onPicture, 1000 / 30)
  }
  video.play().then(next, onFailed)
  return {
    output,
    close: () => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      output.stop()
      video.srcObject = null
    },
  }
}
