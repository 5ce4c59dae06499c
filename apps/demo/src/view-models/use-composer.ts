import type { ChatMessage, Conversation } from '@parley/client'
import { useEffect, useMemo, useState } from 'react'
import { read, write } from './use-stored.ts'

export interface DraftFile {
  key: string
  file: File
  /** Address of a local preview, for images. */
  preview: string | undefined
}

export interface ComposerModel {
  text: string
  files: readonly DraftFile[]
  editing: ChatMessage | undefined
  canSend: boolean
  change: (text: string) => void
  addFiles: (files: Iterable<File>) => void
  removeFile: (key: string) => void
  startEdit: (message: ChatMessage) => void
  cancelEdit: () => void
  submit: () => void
}

let count = 0

/** What is being written: text that a reload keeps, files to send, or an edit of an own message. */
export function useComposer(
  conversation: Conversation,
  userId: string,
  onFailed: (error: unknown) => void,
): ComposerModel {
  const key = `parley demo ${userId} draft ${conversation.id}`
  const [text, setText] = useState(() => read(key) ?? '')
  const [files, setFiles] = useState<readonly DraftFile[]>([])
  const [editing, setEditing] = useState<ChatMessage>()
  const previews = useMemo(() => new Set<string>(), [])
  useEffect(
    () => () => {
      for (const preview of previews) URL.revokeObjectURL(preview)
      previews.clear()
    },
    [previews],
  )

  const clear = () => {
    setText('')
    write(key, '')
  }
  const startEdit = (message: ChatMessage) => {
    if (message.content.type !== 'text') return
    setEditing(message)
    setText(message.content.text)
  }
  const cancelEdit = () => {
    setEditing(undefined)
    setText(read(key) ?? '')
  }
  const submit = () => {
    const written = text.trim()
    if (editing) {
      const { id, content } = editing
      const changed = content.type === 'text' && written !== '' && written !== content.text
      if (changed && id !== undefined) conversation.edit(id, { text: written }).catch(onFailed)
      cancelEdit()
      return
    }
    for (const { file } of files) void conversation.sendFile(file)
    setFiles([])
    if (written !== '') void conversation.send({ text: written })
    clear()
  }

  return {
    text,
    files,
    editing,
    canSend: text.trim() !== '' || files.length > 0,
    change: (next) => {
      setText(next)
      if (editing) return
      write(key, next)
      if (next !== '') conversation.typing()
    },
    addFiles: (added) => {
      const drafts = [...added].map((file): DraftFile => {
        const preview = file.type.startsWith('image/') ? URL.createObjectURL(file) : undefined
        if (preview) previews.add(preview)
        return { key: `file ${count++}`, file, preview }
      })
      setFiles((present) => [...present, ...drafts])
    },
    removeFile: (removed) => setFiles((present) => present.filter((draft) => draft.key !== removed)),
    startEdit,
    cancelEdit,
    submit,
  }
}
