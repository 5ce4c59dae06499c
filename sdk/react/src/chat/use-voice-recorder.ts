import { useCallback, useEffect, useRef, useState } from 'react'

export interface VoiceRecording {
  blob: Blob
  durationMs: number
  /** Loudness over time, 0 to 255. */
  waveform: number[]
}

export interface VoiceRecorder {
  status: 'idle' | 'starting' | 'recording'
  elapsedMs: number
  /** The loudness heard so far, 0 to 1, a value each tenth of a second. */
  levels: readonly number[]
  start: () => Promise<void>
  /** Ends the recording and answers it; undefined when there was none. */
  stop: () => Promise<VoiceRecording | undefined>
  cancel: () => void
}

interface Running {
  recorder: MediaRecorder
  stream: MediaStream
  audio: AudioContext
  chunks: Blob[]
  levels: number[]
  beganAt: number
  timer: ReturnType<typeof setInterval>
}

const tickMs = 100
const mostBars = 64
const longestMs = 5 * 60_000

/** Records the voice of the user; the microphone is let go with the recording or the component. */
export function useVoiceRecorder(): VoiceRecorder {
  const running = useRef<Running>(undefined)
  const [status, setStatus] = useState<VoiceRecorder['status']>('idle')
  const [levels, setLevels] = useState<readonly number[]>([])
  const [elapsedMs, setElapsed] = useState(0)

  const release = useCallback(() => {
    const current = running.current
    running.current = undefined
    if (!current) return
    clearInterval(current.timer)
    for (const track of current.stream.getTracks()) track.stop()
    void current.audio.close()
    setStatus('idle')
    setLevels([])
    setElapsed(0)
  }, [])
  useEffect(() => release, [release])

  const start = useCallback(async () => {
    if (running.current) return
    setStatus('starting')
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true })
      const audio = new AudioContext()
      const analyser = audio.createAnalyser()
      analyser.fftSize = 1024
      audio.createMediaStreamSource(stream).connect(analyser)
      const samples = new Float32Array(analyser.fftSize)
      const recorder = new MediaRecorder(stream, { audioBitsPerSecond: 24_000 })
      const current: Running = {
        recorder,
        stream,
        audio,
        chunks: [],
        levels: [],
        beganAt: performance.now(),
        timer: setInterval(() => {
          analyser.getFloatTimeDomainData(samples)
          let sum = 0
          for (const sample of samples) sum += sample * sample
          current.levels.push(Math.min(1, Math.sqrt(sum / samples.length) * 4))
          setLevels([...current.levels])
          const elapsed = performance.now() - current.beganAt
          setElapsed(elapsed)
          if (elapsed > longestMs && recorder.state === 'recording') recorder.pause()
        }, tickMs),
      }
      recorder.ondataavailable = ({ data }) => current.chunks.push(data)
      running.current = current
      recorder.start()
      setStatus('recording')
    } catch (error) {
      release()
      setStatus('idle')
      throw error
    }
  }, [release])

  const stop = useCallback(async () => {
    const current = running.current
    if (!current) return undefined
    const { recorder, chunks } = current
    const durationMs = Math.round(Math.min(longestMs, performance.now() - current.beganAt))
    const ended = new Promise<void>((resolve) => {
      recorder.onstop = () => resolve()
    })
    recorder.stop()
    await ended
    release()
    const waveform = bars(current.levels).map((level) => Math.round(level * 255))
    return { blob: new Blob(chunks, { type: recorder.mimeType }), durationMs, waveform }
  }, [release])

  return { status, elapsedMs, levels, start, stop, cancel: release }
}

/** As many values as a picture of the recording has room for. */
function bars(levels: readonly number[]): number[] {
  if (levels.length <= mostBars) return [...levels]
  return Array.from({ length: mostBars }, (_, bar) => {
    const from = Math.floor((bar * levels.length) / mostBars)
    const until = Math.max(from + 1, Math.floor(((bar + 1) * levels.length) / mostBars))
    return Math.max(...levels.slice(from, until))
  })
}
