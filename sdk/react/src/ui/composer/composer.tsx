import type { ChatMessage } from '@parley/client'
import { type ClipboardEvent, type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { mentionBefore } from '../../chat/mentions.ts'
import { commandBefore, useCommands } from '../../chat/use-commands.ts'
import type { ComposerModel } from '../../chat/use-composer.ts'
import { useVoiceRecorder } from '../../chat/use-voice-recorder.ts'
import { summaryOf } from '../content/summary.ts'
import { usePane } from '../pane-context.ts'
import { Avatar } from '../parts/avatar.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import {
  ArrowUpIcon,
  CheckIcon,
  CloseIcon,
  EditIcon,
  MicrophoneIcon,
  PlusIcon,
  ReplyIcon,
  SmileIcon,
} from '../parts/icons.tsx'
import { Popover } from '../parts/popover.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { AttachMenu } from './attach-menu.tsx'
import { ChoicePicker, choiceId, choicesId } from './choice-picker.tsx'
import { DraftFiles } from './draft-files.tsx'
import { ExpressionPanel } from './expression-panel.tsx'
import { LifetimeNote } from './lifetime-note.tsx'
import { MentionChoice, useMentionChoices } from './mention-choices.tsx'
import { VoiceBar } from './voice-bar.tsx'

const tallestPx = 160

/** Where messages are written: text with mentions and emoji, files, voice, and everything behind the plus. */
export function Composer(props: {
  composer: ComposerModel
  messages: readonly ChatMessage[]
  title: string
  /** Why nothing can be written now. */
  silence?: string | undefined
  /** Absent where nothing can be planned. */
  onPlan?: ((text: string, at: Date) => Promise<void>) | undefined
}) {
  const { composer, messages, title, silence } = props
  const { conversation, userId } = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const field = useRef<HTMLTextAreaElement>(null)
  const smile = useRef<HTMLButtonElement>(null)
  const plus = useRef<HTMLButtonElement>(null)
  const [panel, setPanel] = useState<'expressions' | 'attach'>()
  const [caret, setCaret] = useState(0)
  const [dismissed, setDismissed] = useState(-1)
  const [choice, setChoice] = useState(0)
  const recorder = useVoiceRecorder()
  const { text, editing, replyingTo } = composer
  const mention = mentionBefore(text, caret)
  const choices = useMentionChoices(mention?.query)
  const commands = useCommands(conversation, commandBefore(text, caret))
  // Only one of them is being written: a command begins the text.
  const pickFrom = commands.length > 0 ? 0 : mention?.from
  const pickable = commands.length > 0 ? commands.length : choices.length
  const picking = pickFrom !== undefined && pickFrom !== dismissed && pickable > 0
  const chosen = Math.min(choice, pickable - 1)

  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text.
  useLayoutEffect(() => {
    const element = field.current
    if (!element) return
    element.style.height = 'auto'
    element.style.height = `${Math.min(tallestPx, element.scrollHeight)}px`
  }, [text])
  useEffect(() => {
    if (editing || replyingTo) field.current?.focus()
  }, [editing, replyingTo])

  const insert = (what: string, from = caret, until = caret) => {
    composer.change(text.slice(0, from) + what + text.slice(until))
    const place = from + what.length
    setCaret(place)
    requestAnimationFrame(() => {
      field.current?.focus()
      field.current?.setSelectionRange(place, place)
    })
  }
  const complete = (index: number) => {
    setChoice(0)
    const command = commands[index]
    if (command) return insert(`/${command.name} `, 0, caret)
    const target = choices[index]
    if (!target || !mention) return
    composer.mention(target)
    insert(`@${target.name} `, mention.from, caret)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return
    if (picking) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
      if (step !== undefined) {
        event.preventDefault()
        setChoice((chosen + step + pickable) % pickable)
        return
      }
      if (event.key === 'Enter' || event.key === 'Tab') {
        event.preventDefault()
        complete(chosen)
        return
      }
      if (event.key === 'Escape') {
        event.preventDefault()
        setDismissed(pickFrom)
        return
      }
    }
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      if (composer.canSend || editing) composer.submit()
    } else if (event.key === 'Escape' && (editing || replyingTo)) {
      event.preventDefault()
      composer.cancel()
    } else if (event.key === 'ArrowUp' && text === '' && !editing) {
      const last = messages.findLast(
        ({ senderId, state, content }) => senderId === userId && state === 'sent' && content.type === 'text',
      )
      if (!last) return
      event.preventDefault()
      composer.startEdit(last)
    }
  }
  const onPaste = (event: ClipboardEvent) => {
    if (event.clipboardData.files.length === 0) return
    event.preventDefault()
    composer.addFiles(event.clipboardData.files)
  }
  const finishVoice = async () => {
    const recording = await recorder.stop()
    if (recording && recording.durationMs > 300) composer.sendVoice(recording)
    field.current?.focus()
  }

  if (silence !== undefined) {
    return (
      <div className="parley-composer parley-silence" role="status">
        {silence}
      </div>
    )
  }
  return (
    <>
      <form
        className="parley-composer"
        onSubmit={(event) => {
          event.preventDefault()
          if (composer.canSend || editing) composer.submit()
          field.current?.focus()
        }}
      >
        {(editing ?? replyingTo) && <Banner composer={composer} />}
        <LifetimeNote composer={composer} />
        <DraftFiles composer={composer} />
        {recorder.status !== 'idle' ? (
          <VoiceBar recorder={recorder} onSend={() => void finishVoice().catch(onFailed)} />
        ) : (
          <div className="parley-composer-line">
            {!editing && (
              <IconButton
                ref={plus}
                label={words.attach}
                expanded={panel === 'attach'}
                onClick={() => setPanel(panel === 'attach' ? undefined : 'attach')}
              >
                <PlusIcon size={22} />
              </IconButton>
            )}
            <textarea
              ref={field}
              rows={1}
              value={text}
              dir="auto"
              maxLength={20_000}
              placeholder={words.messageTo(title)}
              aria-label={words.messageTo(title)}
              {...(picking && {
                role: 'combobox',
                'aria-expanded': true,
                'aria-controls': choicesId,
                'aria-activedescendant': choiceId(chosen),
              })}
              onChange={(event) => {
                setCaret(event.target.selectionStart)
                setDismissed(-1)
                composer.change(event.target.value)
              }}
              onSelect={(event) => setCaret(event.currentTarget.selectionStart)}
              onKeyDown={onKeyDown}
              onPaste={onPaste}
            />
            <IconButton
              ref={smile}
              label={words.emoji}
              expanded={panel === 'expressions'}
              onClick={() => setPanel(panel === 'expressions' ? undefined : 'expressions')}
            >
              <SmileIcon size={21} />
            </IconButton>
            {text.trim() === '' && composer.files.length === 0 && !editing ? (
              <button
                type="button"
                className="parley-send"
                aria-label={words.recordVoice}
                title={words.recordVoice}
                onClick={() => void recorder.start().catch(() => onFailed({ code: 'microphone' }))}
              >
                <MicrophoneIcon size={20} />
              </button>
            ) : (
              <button
                type="submit"
                className="parley-send"
                disabled={!composer.canSend}
                aria-label={editing ? words.save : words.send}
                title={editing ? words.save : words.send}
              >
                {editing ? <CheckIcon size={20} /> : <ArrowUpIcon size={20} />}
              </button>
            )}
          </div>
        )}
        {picking && commands.length > 0 && (
          <ChoicePicker
            anchor={field}
            label={words.commands}
            choices={commands}
            keyOf={({ botId, name }) => `${botId} ${name}`}
            chosen={chosen}
            onChoose={complete}
            onClose={() => setDismissed(0)}
          >
            {({ botId, name, description }) => (
              <>
                <Avatar id={botId} name={botId} size={24} />
                <span>
                  <strong>/{name}</strong> {description}
                </span>
              </>
            )}
          </ChoicePicker>
        )}
        {picking && mention && commands.length === 0 && (
          <ChoicePicker
            anchor={field}
            label={words.mention}
            choices={choices}
            keyOf={({ kind, name }) => `${kind} ${name}`}
            chosen={chosen}
            onChoose={complete}
            onClose={() => setDismissed(mention.from)}
          >
            {(target) => <MentionChoice target={target} />}
          </ChoicePicker>
        )}
        {panel === 'expressions' && (
          <Popover anchor={smile} side="above" label={words.emoji} onClose={() => setPanel(undefined)}>
            <ExpressionPanel
              onEmoji={(emoji) => {
                setPanel(undefined)
                insert(emoji)
              }}
              onSticker={(sticker) => {
                setPanel(undefined)
                composer.send(sticker)
                field.current?.focus()
              }}
            />
          </Popover>
        )}
      </form>
      <AttachMenu
        anchor={plus}
        open={panel === 'attach'}
        composer={composer}
        onPlan={props.onPlan}
        onClose={() => setPanel(undefined)}
      />
    </>
  )
}

/** Says that a message is being changed, or answered. */
function Banner({ composer }: { composer: ComposerModel }) {
  const { nameOf } = usePane()
  const words = useWords()
  const { editing, replyingTo } = composer
  const message = editing ?? replyingTo
  if (!message) return null
  return (
    <div className="parley-composer-banner">
      {editing ? <EditIcon size={16} /> : <ReplyIcon size={16} />}
      <span>
        <strong>{editing ? words.editing : words.replyingTo(nameOf(message.senderId))}</strong>
        <small>{summaryOf(message.content, words)}</small>
      </span>
      <IconButton label={words.cancel} onClick={composer.cancel}>
        <CloseIcon size={16} />
      </IconButton>
    </div>
  )
}
