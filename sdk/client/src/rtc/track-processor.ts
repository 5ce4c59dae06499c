import type { PublicationSource } from '@parley/contracts'

export interface ProcessorContext {
  source: PublicationSource
  /** The processor has stopped working; what was captured is sent as it is from now on. */
  fail: (error: unknown) => void
}

/**
 * Changes what a microphone or camera captures before it is sent: noise suppression, a virtual background. The
 * application makes it and may keep it over rooms; a room only starts and closes it.
 */
export interface TrackProcessor {
  readonly kind: 'audio' | 'video'
  /** Names it in events, such as `noise-suppression`. */
  readonly name: string
  /**
   * Answers the track that is sent instead of `input`; the processor owns it, the room owns `input`. Called again
   * with another `input` after a change of device: then whatever the former call began is over. A rejection means
   * that `input` is sent as it is.
   */
  start(input: MediaStreamTrack, context: ProcessorContext): Promise<MediaStreamTrack>
  /** Ends what `start` began; may be called at any time, more than once, and `start` may follow. */
  close(): void
}

/** A processor stopped working, or did not begin: what was captured is sent as it is. */
export interface ProcessorFailure {
  processor: TrackProcessor
  source: PublicationSource
  error: unknown
}
