import { type ParleyError, watchLevel } from '@parley/client'
import { useParley } from '@parley/react'
import { useEffect, useState } from 'react'

export interface Preview {
  video: MediaStreamTrack | undefined
  /** From 0 to 1. */
  level: number
  problem: ParleyError | undefined
}

/** Captures for the eyes and ears of the viewer alone; everything is stopped with the component. */
export function usePreview(wanted: {
  audio: boolean
  video: boolean
  audioId: string
  videoId: string
}): Preview {
  const video = useCapture('video', wanted.video, wanted.videoId)
  const audio = useCapture('audio', wanted.audio, wanted.audioId)
  const [level, setLevel] = useState(0)
  const { track } = audio
  useEffect(() => {
    if (!track) return
    const stop = watchLevel(track, setLevel)
    return () => {
      stop()
      setLevel(0)
    }
  }, [track])
  return { video: video.track, level, problem: video.problem ?? audio.problem }
}

function useCapture(kind: 'audio' | 'video', on: boolean, deviceId: string) {
  const { devices } = useParley().rtc
  const [track, setTrack] = useState<MediaStreamTrack>()
  const [problem, setProblem] = useState<ParleyError>()
  useEffect(() => {
    if (!on) return
    let isWanted = true
    let mine: MediaStreamTrack | undefined
    const constraints = {
      ...(deviceId !== '' && { deviceId: { exact: deviceId } }),
      ...(kind === 'video' && { width: { ideal: 1280 }, height: { ideal: 720 } }),
    }
    devices.capture({ [kind]: constraints }).then(
      ([captured]) => {
        if (!isWanted) captured?.stop()
        else {
          mine = captured
          setTrack(captured)
        }
      },
      (error: unknown) => {
        if (isWanted) setProblem(error as ParleyError)
      },
    )
    return () => {
      isWanted = false
      mine?.stop()
      setTrack(undefined)
      setProblem(undefined)
    }
  }, [devices, kind, on, deviceId])
  return { track, problem }
}
