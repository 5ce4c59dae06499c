import { BackgroundPainter } from './background-painter.ts'
import { FramePace } from './frame-pace.ts'
import type { PersonMask } from './person-segmenter.ts'
import { carryFrames } from './video-frames.ts'
import type { WorkerBackground, WorkerReport, WorkerRequest } from './worker-messages.ts'

/** A module worker that draws backgrounds; who is person is asked of the page, a small picture at a time. */
const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<WorkerRequest>) => void) | null
  postMessage: (report: WorkerReport, transfer?: Transferable[]) => void
}

let background: WorkerBackground = { type: 'blur' }
let answer: (mask: PersonMask | undefined) => void = () => undefined

scope.onmessage = ({ data: request }) => {
  switch (request.type) {
    case 'start':
      run(request).catch((error: unknown) => scope.postMessage({ type: 'failed', reason: String(error) }))
      return
    case 'background':
      background = request.background
      return
    case 'mask':
      answer(request.mask)
      return
  }
}

async function run({
  readable,
  writable,
  pictureWidth,
  framesPerSecond,
}: Extract<WorkerRequest, { type: 'start' }>) {
  const pace = new FramePace({ framesPerSecond })
  const painter = new BackgroundPainter()
  const carried = carryFrames(readable.getReader(), writable.getWriter(), async (picture) => {
    if (!pace.takes(performance.now())) return undefined
    let beganMs = performance.now()
    const small = painter.smallCopy(picture, pictureWidth)
    const copiedMs = performance.now() - beganMs
    const mask = await new Promise<PersonMask | undefined>((resolve) => {
      answer = resolve
      scope.postMessage({ type: 'picture', picture: small }, [small.data.buffer])
    })
    beganMs = performance.now()
    const canvas = painter.paint(picture, { background, mask, scale: pace.scale })
    const tookMs = copiedMs + performance.now() - beganMs
    pace.took(tookMs)
    scope.postMessage({ type: 'drawn', tookMs })
    return canvas
  })
  await carried.done
}
