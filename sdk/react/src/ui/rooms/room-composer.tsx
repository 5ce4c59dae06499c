import { type ReactNode, useEffect, useRef, useState } from 'react'
import type { ChatRoomModel } from '../../chat/use-chat-room.ts'
import { EmojiPanel } from '../composer/emoji-panel.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { ArrowUpIcon, SmileIcon } from '../parts/icons.tsx'
import { Popover } from '../parts/popover.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { GiftButton } from './gift-button.tsx'

/** Says something in a chat room; counts down in slow mode. */
export function RoomComposer(props: { model: ChatRoomModel; name: string; like: ReactNode }) {
  const { model } = props
  const { facts, role } = model
  const words = useWords()
  const onFailed = useErrorToast()
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)
  const [emoji, setEmoji] = useState(false)
  const smile = useRef<HTMLButtonElement>(null)
  const field = useRef<HTMLTextAreaElement>(null)
  const isHost = role !== 'visitor'
  const [waitSeconds, startWaiting] = useCountdown()
  const send = async () => {
    const said = text.trim()
    if (said === '' || busy || waitSeconds > 0) return
    setBusy(true)
    try {
      await model.send({ text: said })
      setText('')
      if (!isHost && facts && facts.slowModeMs > 0) startWaiting(facts.slowModeMs)
    } catch (error) {
      onFailed(error)
    } finally {
      setBusy(false)
      field.current?.focus()
    }
  }
  const say = words.room.say(props.name)
  return (
    <form
      className="parley-composer"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      {waitSeconds > 0 && (
        <p className="parley-room-wait" role="status">
          {words.room.waitSeconds(waitSeconds)}
        </p>
      )}
      {facts?.mutedAll && !isHost && <p className="parley-room-wait">{words.room.mutedAll}</p>}
      <div className="parley-composer-line">
        <textarea
          ref={field}
          rows={1}
          value={text}
          dir="auto"
          maxLength={1_000}
          placeholder={say}
          aria-label={say}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
            event.preventDefault()
            void send()
          }}
        />
        <IconButton ref={smile} label={words.emoji} expanded={emoji} onClick={() => setEmoji(!emoji)}>
          <SmileIcon size={21} />
        </IconButton>
        <GiftButton model={model} />
        {props.like}
        <button
          type="submit"
          className="parley-send"
          disabled={text.trim() === '' || busy || waitSeconds > 0}
          aria-label={words.send}
          title={words.send}
        >
          <ArrowUpIcon size={20} />
        </button>
      </div>
      {emoji && (
        <Popover anchor={smile} side="above" label={words.emoji} onClose={() => setEmoji(false)}>
          <EmojiPanel
            onChoose={(chosen) => {
              setEmoji(false)
              setText((known) => known + chosen)
              field.current?.focus()
            }}
          />
        </Popover>
      )}
    </form>
  )
}

/** Whole seconds that are left, and the way to begin anew. */
function useCountdown(): [number, (durationMs: number) => void] {
  const [endMs, setEndMs] = useState(0)
  const [nowMs, setNowMs] = useState(0)
  const left = Math.max(0, Math.ceil((endMs - nowMs) / 1000))
  const isRunning = left > 0
  useEffect(() => {
    if (!isRunning) return
    const timer = setInterval(() => setNowMs(Date.now()), 250)
    return () => clearInterval(timer)
  }, [isRunning])
  return [
    left,
    (durationMs) => {
      setNowMs(Date.now())
      setEndMs(Date.now() + durationMs)
    },
  ]
}
