import { carryFrames, openFrames } from './video-frames.ts'

/** A picture, and its size in pixels. */
export interface Picture {
  image: CanvasImageSource
  width: number
  height: number
}

export type Canvas = HTMLCanvasElement | OffscreenCanvas

/** Answers a canvas that shows what becomes of the picture; undefined: the picture is left out. */
export type Draw = (picture: Picture) => Promise<Canvas | undefined>

export interface VideoTransformOptions {
  draw: Draw
  /** No more pictures come or can be taken. */
  onFailed: (error: unknown) => void
}

export interface VideoTransform {
  readonly output: MediaStreamTrack
  /** Ends the output; may be called more than once. */
  close(): void
}

/** Sends each picture of a track through `draw`. The caller owns the track. */
export function transformVideo(input: MediaStreamTrack, options: VideoTransformOptions): VideoTransform {
  return throughFrames(input, options) ?? throughElements(input, options)
}

/** Frames of the track itself; they go on in a page that is not in view. */
function throughFrames(
  input: MediaStreamTrack,
  { draw, onFailed }: VideoTransformOptions,
): VideoTransform | undefined {
  const ends = openFrames(input)
  if (!ends) return undefined
  const { readable, output } = ends
  const carried = carryFrames(readable.getReader(), output.writable.getWriter(), draw)
  let isOver = false
  carried.done.catch((error: unknown) => {
    if (!isOver) onFailed(error)
  })
  return {
    output,
    close: () => {
      if (isOver) return
      isOver = true
      carried.close()
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
  if (!context || !output) {
    throw new DOMException('The browser takes no pictures off a canvas', 'NotSupportedError')
  }
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
