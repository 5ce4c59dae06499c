import { ParleyError, type Room } from '@parley/client'
import type { EmptyRoomSegmenter, VirtualBackground } from '@parley/client/virtual-background'
import { useProcessor, useRoomEvent } from '@parley/react'
import { useToast } from '@parley/react/ui'
import { useState } from 'react'
import { read, write } from '../view-models/use-stored.ts'
import { useMeetingWords } from './words.ts'

const suppressionKey = 'parley demo noise suppression'
const backgroundKey = 'parley demo background'
const stepOutMs = 3_000

/** What was chosen last time, for the join: nothing may be sent without it. */
export async function chosenEffects() {
  const [suppresses, blurs] = [read(suppressionKey) === 'on', read(backgroundKey) === 'blur']
  if (!suppresses && !blurs) return {}
  const { makeBlur, makeNoiseSuppression } = await import('./effects.ts')
  return {
    ...(suppresses && { audioProcessor: makeNoiseSuppression() }),
    ...(blurs && { videoProcessor: makeBlur() }),
  }
}

export interface Effects {
  suppresses: boolean
  background: 'none' | 'blur'
  /** `unknown`: the room was not yet seen empty, so that everything is blurred. */
  empty: 'unknown' | 'stepping-out' | 'known'
  setSuppresses: (on: boolean) => Promise<void>
  setBackground: (background: 'none' | 'blur') => Promise<void>
  learnRoom: () => Promise<void>
}

/** Effects are loaded when they are first wanted. */
export function useEffects(room: Room): Effects {
  const words = useMeetingWords()
  const toast = useToast()
  const audio = useProcessor(room, 'audio')
  const video = useProcessor(room, 'video')
  const [isSteppingOut, setSteppingOut] = useState(false)
  useRoomEvent(room, 'processor-failed', () => toast(words.effectFailed))
  const segmenter = (video.processor as VirtualBackground | undefined)?.segmenter as
    | EmptyRoomSegmenter
    | undefined
  const hasLearnt = segmenter?.hasLearnt ?? false

  return {
    suppresses: audio.processor !== undefined && audio.failure === undefined,
    background: video.processor === undefined || video.failure !== undefined ? 'none' : 'blur',
    empty: isSteppingOut ? 'stepping-out' : hasLearnt ? 'known' : 'unknown',
    setSuppresses: async (on) => {
      write(suppressionKey, on ? 'on' : '')
      await audio.set(on ? (await loaded()).makeNoiseSuppression() : undefined)
    },
    setBackground: async (background) => {
      write(backgroundKey, background === 'blur' ? 'blur' : '')
      await video.set(background === 'blur' ? (await loaded()).makeBlur() : undefined)
    },
    learnRoom: async () => {
      setSteppingOut(true)
      try {
        await new Promise((resolve) => setTimeout(resolve, stepOutMs))
        await segmenter?.learn()
        toast(words.roomLearnt)
      } catch {
        // The camera was switched off meanwhile, or the background.
      } finally {
        setSteppingOut(false)
      }
    },
  }
}

async function loaded() {
  try {
    return await import('./effects.ts')
  } catch (cause) {
    throw new ParleyError('connection-lost', 'The effects could not be loaded', { retryable: true, cause })
  }
}
