import type { FrameSealing, frameSealing, SealingFault, SealingKey } from './frame-sealing.ts'
import type { redundantSounds } from './redundant-sound.ts'

/** What a transform is for, told when it is attached to a sender or receiver. */
export interface TransformPurpose {
  purpose: 'redundancy' | 'seal' | 'open'
  kind: 'audio' | 'video'
  /** Names the sender or receiver in orders and reports. */
  id: number
}

export type KeyOrder =
  | {
      type: 'key'
      /** Undefined: shared by all. */
      userId: string | undefined
      index: number
      step: number
      /** Undefined: there is none any more. */
      material: CryptoKey | undefined
    }
  | { type: 'use'; index: number }

export type TransformOrder =
  | { type: 'depth'; id: number; depth: number }
  | KeyOrder
  /** Whose keys this client's frames are sealed with. */
  | { type: 'own'; userId: string }
  /** Whose frames a receiver carries now. Before that nothing gets through. */
  | { type: 'source'; id: number; userId: string }
  /** For browsers that hand out streams instead of transforms. */
  | ({ type: 'streams'; purpose: TransformPurpose } & TransformStreams)

/** `ok`: frames get through. Otherwise they are dropped, and why. */
export type E2eeState = 'ok' | Exclude<SealingFault, 'repeated'>

export type TransformReport =
  | { type: 'ready' }
  | { type: 'attached'; id: number }
  | { type: 'state'; id: number; state: E2eeState }

interface EncodedFrame {
  data: ArrayBuffer
  /** Of pictures. */
  type?: string
  getMetadata(): { mimeType?: string; rtpTimestamp?: number }
}

export interface TransformStreams {
  readable: ReadableStream<EncodedFrame>
  writable: WritableStream<EncodedFrame>
}

/** What a standard transform has, in some browsers. */
interface KeyFrameRequests {
  generateKeyFrame?(): Promise<unknown>
  sendKeyFrameRequest?(): Promise<unknown>
}

interface TransformScope {
  onmessage: ((event: { data: TransformOrder }) => void) | null
  onrtctransform:
    | ((event: { transformer: TransformStreams & KeyFrameRequests & { options: TransformPurpose } }) => void)
    | null
  postMessage(report: TransformReport): void
}

/**
 * What runs in the worker that sees encoded frames. It stands alone as the two makers do, which it is given as
 * arguments.
 */
export function transformWorker(
  scope: TransformScope,
  makeSounds: typeof redundantSounds,
  makeSealing: typeof frameSealing,
): void {
  const newSound = makeSounds()
  const sealing: FrameSealing = makeSealing()
  // Of everything that is sent: counters must not begin anew with each sender.
  const sealer = sealing.newSealer()
  const depths = new Map<number, number>()
  const sources = new Map<number, string>()
  const openers = new Map<string, ReturnType<FrameSealing['newOpener']>>()
  /** By user, '' for shared ones, then by index. */
  const keys = new Map<string, Map<number, SealingKey>>()
  let ownUserId = ''
  let current = 0

  const keyOf = (userId: string, index: number): SealingKey | undefined =>
    keys.get(userId)?.get(index) ?? keys.get('')?.get(index)

  const takeKey = ({ userId = '', index, step, material }: KeyOrder & { type: 'key' }) => {
    const ring = keys.get(userId) ?? new Map<number, SealingKey>()
    keys.set(userId, ring)
    const before = ring.get(index)
    if (before !== undefined) before.previous = undefined
    if (material === undefined) ring.delete(index)
    else ring.set(index, { index, step, material, previous: before })
  }

  const openerOf = (userId: string) => {
    const opener = openers.get(userId) ?? sealing.newOpener()
    openers.set(userId, opener)
    return opener
  }

  /** RFC 7741: forwarding looks at the frame tag, and at the size of a key frame; of sound at the configuration. */
  const clearBytesOf = (kind: string, frame: EncodedFrame): number => {
    const [first = 0] = new Uint8Array(frame.data, 0, Math.min(1, frame.data.byteLength))
    if (kind === 'audio') return Math.min(1, frame.data.byteLength)
    if (frame.getMetadata().mimeType?.toLowerCase() === 'video/vp9') return 0
    return Math.min((first & 1) === 0 ? 10 : 3, frame.data.byteLength)
  }

  /** Tells states when they change, and asks for a picture that needs no earlier one when frames get through again. */
  const stateOf = (id: number, askKeyFrame: () => Promise<unknown> | undefined) => {
    let told: E2eeState | undefined
    return (state: E2eeState, frame: EncodedFrame) => {
      if (state === told) return
      const wasClosed = told !== undefined && told !== 'ok'
      told = state
      scope.postMessage({ type: 'state', id, state })
      if (state !== 'ok' || !wasClosed || frame.type !== 'delta') return
      askKeyFrame()?.catch(() => undefined) // What has ended meanwhile needs none.
    }
  }

  type Change = (frame: EncodedFrame) => Promise<boolean>

  const redundancy = (id: number): Change => {
    const sound = newSound()
    return async (frame) => {
      const { mimeType, rtpTimestamp } = frame.getMetadata()
      if (mimeType?.toLowerCase() !== 'audio/red' || rtpTimestamp === undefined) return true
      frame.data = sound.repack(frame.data, rtpTimestamp, depths.get(id) ?? 1)
      return true
    }
  }

  const seal = (id: number, kind: string, requests: KeyFrameRequests): Change => {
    const tell = stateOf(id, () => requests.generateKeyFrame?.())
    return async (frame) => {
      const key = keyOf(ownUserId, current)
      tell(key === undefined ? 'missing-key' : 'ok', frame)
      if (key === undefined) return false
      frame.data = await sealer.seal(frame.data, clearBytesOf(kind, frame), key)
      return true
    }
  }

  const open = (id: number, requests: KeyFrameRequests): Change => {
    let source: string | undefined
    const newTell = () => stateOf(id, () => requests.sendKeyFrameRequest?.())
    let tell = newTell()
    return async (frame) => {
      const userId = sources.get(id)
      if (userId !== source) tell = newTell()
      source = userId
      if (userId === undefined) return false
      const opened = await openerOf(userId).open(frame.data, (index) => keyOf(userId, index))
      if (opened === 'repeated' || sources.get(id) !== userId) return false
      tell(typeof opened === 'string' ? opened : 'ok', frame)
      if (typeof opened === 'string') return false
      frame.data = opened
      return true
    }
  }

  const attach = (
    { readable, writable }: TransformStreams,
    { purpose, id, kind }: TransformPurpose,
    requests: KeyFrameRequests,
  ) => {
    const change =
      purpose === 'redundancy'
        ? redundancy(id)
        : purpose === 'seal'
          ? seal(id, kind, requests)
          : open(id, requests)
    const stream = new TransformStream<EncodedFrame, EncodedFrame>({
      transform: async (frame, controller) => {
        // A frame that breaks something is lost; an error here would end the stream for good.
        if (await change(frame).catch(() => false)) controller.enqueue(frame)
      },
    })
    // Ends with its sender or receiver.
    readable
      .pipeThrough(stream)
      .pipeTo(writable)
      .catch(() => undefined)
    scope.postMessage({ type: 'attached', id })
  }

  scope.onrtctransform = ({ transformer }) => attach(transformer, transformer.options, transformer)
  scope.onmessage = ({ data: order }) => {
    switch (order.type) {
      case 'depth':
        depths.set(order.id, order.depth)
        return
      case 'key':
        takeKey(order)
        return
      case 'use':
        current = order.index
        return
      case 'own':
        ownUserId = order.userId
        return
      case 'source':
        sources.set(order.id, order.userId)
        return
      case 'streams':
        attach(order, order.purpose, {})
        return
    }
  }
  scope.postMessage({ type: 'ready' })
}
