import type { ChatMessage } from '@parley/client'
import { type ClipboardEvent, type KeyboardEvent, useEffect, useLayoutEffect, useRef } from 'react'
import type { ComposerModel } from '../view-models/use-composer.ts'
import { useLocale, useWords } from '../words/words.ts'
import { size } from './format.ts'
import { IconButton } from './icon-button.tsx'
import { ArrowUpIcon, CheckIcon, ClipIcon, CloseIcon, EditIcon, FileIcon } from './icons.tsx'

const tallestPx = 160

export function Composer(props: {
  composer: ComposerModel
  messages: readonly ChatMessage[]
  userId: string
  title: string
}) {
  const { composer, messages, userId, title } = props
  const words = useWords()
  const field = useRef<HTMLTextAreaElement>(null)
  const picker = useRef<HTMLInputElement>(null)
  const { text, editing } = composer

  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text.
  useLayoutEffect(() => {
    const element = field.current
    if (!element) return
    element.style.height = 'auto'
    element.style.height = `${Math.min(tallestPx, element.scrollHeight)}px`
  }, [text])
  useEffect(() => {
    if (editing) field.current?.focus()
  }, [editing])

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      if (composer.canSend || editing) composer.submit()
    } else if (event.key === 'Escape' && editing) {
      event.preventDefault()
      composer.cancelEdit()
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

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault()
        if (composer.canSend || editing) composer.submit()
        field.current?.focus()
      }}
    >
      {editing && (
        <div className="composer-edit">
          <EditIcon size={16} />
          <span>{words.editing}</span>
          <IconButton label={words.cancel} onClick={composer.cancelEdit}>
            <CloseIcon size={16} />
          </IconButton>
        </div>
      )}
      <DraftFiles composer={composer} />
      <div className="composer-line">
        {!editing && (
          <IconButton label={words.attach} onClick={() => picker.current?.click()}>
            <ClipIcon size={22} />
          </IconButton>
        )}
        <input
          ref={picker}
          className="hidden-input"
          type="file"
          multiple
          tabIndex={-1}
          aria-hidden="true"
          onChange={(event) => {
            composer.addFiles(event.target.files ?? [])
            event.target.value = ''
          }}
        />
        <textarea
          ref={field}
          rows={1}
          value={text}
          dir="auto"
          maxLength={20_000}
          placeholder={words.messageTo(title)}
          aria-label={words.messageTo(title)}
          onChange={(event) => composer.change(event.target.value)}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
        />
        <button
          type="submit"
          className="send"
          disabled={!composer.canSend}
          aria-label={editing ? words.save : words.send}
          title={editing ? words.save : words.send}
        >
          {editing ? <CheckIcon size={20} /> : <ArrowUpIcon size={20} />}
        </button>
      </div>
    </form>
  )
}

function DraftFiles({ composer: { files, removeFile } }: { composer: ComposerModel }) {
  const words = useWords()
  const locale = useLocale()
  if (files.length === 0) return null
  return (
    <ul className="drafts">
      {files.map(({ key, file, preview }) => (
        <li key={key} className="draft">
          {preview ? (
            <img src={preview} alt={file.name} />
          ) : (
            <span className="draft-file">
              <FileIcon size={20} />
              <span className="file-text">
                <span className="file-name">{file.name}</span>
                <span className="file-size">{size(file.size, locale)}</span>
              </span>
            </span>
          )}
          <IconButton label={words.removeAttachment(file.name)} onClick={() => removeFile(key)}>
            <CloseIcon size={14} />
          </IconButton>
        </li>
      ))}
    </ul>
  )
}
