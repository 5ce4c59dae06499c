import type { ProcessorFailure, Room, TrackProcessor } from '@parley/client'
import { useState } from 'react'
import { useRoomEvent, useRoomRevision } from './use-room-facts.ts'

export interface ProcessorModel {
  processor: TrackProcessor | undefined
  /** Why the last one stopped working; forgotten with the next one that is set. */
  failure: ProcessorFailure | undefined
  set: (processor: TrackProcessor | undefined) => Promise<void>
}

/** What the microphone or the camera goes through: noise suppression, a background. */
export function useProcessor(room: Room, kind: 'audio' | 'video'): ProcessorModel {
  useRoomRevision(room)
  const [failure, setFailure] = useState<ProcessorFailure>()
  useRoomEvent(room, 'processor-failed', (failed) => {
    if (failed.processor.kind === kind) setFailure(failed)
  })
  return {
    processor: kind === 'audio' ? room.audioProcessor : room.videoProcessor,
    failure,
    set: (processor) => {
      setFailure(undefined)
      return kind === 'audio' ? room.setAudioProcessor(processor) : room.setVideoProcessor(processor)
    },
  }
}
