import { ParleyError, type Room } from '@parley/client'
import { useParticipants, useRoomEvent } from '@parley/react'
import { useToast } from '@parley/react/ui'
import { useEffect, useRef, useState } from 'react'
import { errorText, useMeetingWords } from './words.ts'

export interface Controls {
  microphone: boolean
  camera: boolean
  screen: boolean
  canShare: boolean
  busy: boolean
  toggleMicrophone: () => void
  toggleCamera: () => void
  toggleScreen: () => void
  attempt: (work: Promise<unknown>) => void
}

/** What the buttons show and do; `m` and `v` do the same from the keyboard. */
export function useControls(room: Room): Controls {
  useParticipants(room)
  const words = useMeetingWords()
  const toast = useToast()
  const [busy, setBusy] = useState(false)
  const mutesItself = useRef(false)
  const { local } = room
  const isOn = (source: 'microphone' | 'camera') => local.publication(source)?.muted === false
  const microphone = isOn('microphone')
  const camera = isOn('camera')
  const screen = local.publication('screen') !== undefined

  const attempt = (work: Promise<unknown>) => {
    setBusy(true)
    work
      .catch((error: unknown) => {
        const code = error instanceof ParleyError ? error.code : 'internal-error'
        // Closing the browser's own chooser is an answer, not a fault.
        if (code !== 'closed') toast(errorText(words, code))
      })
      .finally(() => setBusy(false))
  }
  const toggleMicrophone = () => {
    mutesItself.current = true
    attempt(
      room.setMicrophone(!microphone).finally(() => {
        mutesItself.current = false
      }),
    )
  }
  const toggleCamera = () => attempt(room.setCamera(!camera))
  const toggleScreen = () => {
    if (screen) return attempt(room.stopScreenShare())
    const sharing = room.startScreenShare({ audio: true })
    attempt(sharing.catch((error: unknown) => ignoreDeclined(error)))
  }

  useRoomEvent(room, 'publication-changed', ({ publication, participant }) => {
    if (!participant.isLocal || publication.source !== 'microphone') return
    if (publication.muted && !mutesItself.current) toast(words.mutedByModerator)
  })

  const keys = useRef({ m: toggleMicrophone, v: toggleCamera })
  useEffect(() => {
    keys.current = { m: toggleMicrophone, v: toggleCamera }
  })
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { target, key } = event
      const isTyping = target instanceof Element && target.closest('input, textarea, select, dialog')
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return
      if (key === 'm' || key === 'v') keys.current[key]()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])

  const canShare = typeof navigator.mediaDevices?.getDisplayMedia === 'function'
  return {
    microphone,
    camera,
    screen,
    canShare,
    busy,
    toggleMicrophone,
    toggleCamera,
    toggleScreen,
    attempt,
  }
}

function ignoreDeclined(error: unknown): void {
  if (error instanceof ParleyError && error.code === 'permission-denied') return
  throw error
}
