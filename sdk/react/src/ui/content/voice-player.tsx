import type { ChatMessage } from '@parley/client'
import { useEffect, useRef, useState } from 'react'
import { useFileUrl } from '../../chat/use-file-url.ts'
import { usePane } from '../pane-context.ts'
import { duration } from '../parts/format.ts'
import { PauseIcon, PlayIcon } from '../parts/icons.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { Waveform } from './waveform.tsx'

/** Only one voice is heard at a time. */
let playing: HTMLAudioElement | undefined

export function VoicePlayer({ message }: { message: ChatMessage }) {
  const { conversation } = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const { url, onBroken } = useFileUrl(conversation, message)
  const audio = useRef<HTMLAudioElement>(null)
  const [isPlaying, setPlaying] = useState(false)
  const [position, setPosition] = useState(0)
  useEffect(() => {
    const element = audio.current
    return () => element?.pause()
  }, [])
  const { content } = message
  if (content.type !== 'voice') return null
  const { durationMs, waveform = [] } = content
  const toggle = () => {
    const element = audio.current
    if (!element) return
    if (isPlaying) return element.pause()
    if (playing !== element) playing?.pause()
    playing = element
    element.play().catch(onFailed)
  }
  const seek = (share: number) => {
    const element = audio.current
    if (!element) return
    element.currentTime = (share * durationMs) / 1000
    setPosition(share * durationMs)
  }
  return (
    <div className="parley-voice">
      {url && (
        <audio
          ref={audio}
          src={url}
          preload="metadata"
          onPlay={() => setPlaying(true)}
          onPause={() => setPlaying(false)}
          onEnded={() => {
            setPlaying(false)
            setPosition(0)
          }}
          onTimeUpdate={(event) => setPosition(event.currentTarget.currentTime * 1000)}
          onError={onBroken}
        />
      )}
      <button
        type="button"
        className="parley-voice-button"
        aria-label={isPlaying ? words.pause : words.playVoice(duration(durationMs))}
        disabled={!url}
        onClick={toggle}
      >
        {isPlaying ? <PauseIcon size={18} /> : <PlayIcon size={18} />}
      </button>
      <span className="parley-voice-track">
        <Waveform values={waveform} share={durationMs > 0 ? position / durationMs : 0} />
        <input
          type="range"
          min={0}
          max={Math.max(1, durationMs)}
          step={100}
          value={Math.min(position, durationMs)}
          aria-label={words.position}
          aria-valuetext={duration(position)}
          onChange={(event) => seek(Number(event.target.value) / Math.max(1, durationMs))}
        />
      </span>
      <span className="parley-voice-time">{duration(isPlaying || position > 0 ? position : durationMs)}</span>
    </div>
  )
}
