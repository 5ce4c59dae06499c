import type {
  ChatMessage,
  Conversation,
  FileInput,
  FileOptions,
  MessageContent,
  SendOptions,
} from '@parley/client'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useParley } from '../parley-context.ts'
import { DraftKeeper } from './draft-keeper.ts'
import { type MentionTarget, mentionsIn } from './mentions.ts'
import type { VoiceRecording } from './use-voice-recorder.ts'

export interface DraftFile {
  key: string
  file: File
  /** Address of a local preview, for images. */
  preview: string | undefined
}

export interface ComposerModel {
  text: string
  files: readonly DraftFile[]
  /** The own message whose text is being changed. */
  editing: ChatMessage | undefined
  /** The message that the next one answers. */
  replyingTo: ChatMessage | undefined
  canSend: boolean
  /** How long what is sent next lives, where it is not as the conversation says. */
  lifetime: Pick<SendOptions, 'expiresAfterMs' | 'burnAfterReadMs'>
  setLifetime: (lifetime: Pick<SendOptions, 'expiresAfterMs' | 'burnAfterReadMs'>) => void
  change: (text: string) => void
  /** Remembers whom a `@name` in the text means. */
  mention: (target: MentionTarget) => void
  addFiles: (files: Iterable<File>) => void
  removeFile: (key: string) => void
  startEdit: (message: ChatMessage) => void
  startReply: (message: ChatMessage) => void
  /** Ends an edit or a reply without doing it. */
  cancel: () => void
  submit: () => void
  /** Sends anything but text: a sticker, a poll, a place. The text stays. */
  send: (content: MessageContent) => void
  sendVoice: (recording: VoiceRecording) => void
  /** Gives a text with its mentions to whoever sends it later; the composer is empty then. */
  plan: (text: string, send: (content: MessageContent) => Promise<void>) => Promise<void>
}

export interface ComposerOptions {
  /** Writes into the thread of this message. */
  threadRootId?: string | undefined
  onFailed?: (error: unknown) => void
}

let count = 0

/** What is being written: text that a reload and other devices keep, mentions, files, a reply, or an edit. */
export function useComposer(conversation: Conversation, options: ComposerOptions = {}): ComposerModel {
  const { userId } = useParley()
  const { threadRootId, onFailed = () => undefined } = options
  const keeper = useMemo(
    () => new DraftKeeper(conversation, userId, threadRootId),
    [conversation, userId, threadRootId],
  )
  const [text, setText] = useState(() => keeper.text)
  const [files, setFiles] = useState<readonly DraftFile[]>([])
  const [editing, setEditing] = useState<ChatMessage>()
  const [replyingTo, setReplyingTo] = useState<ChatMessage>()
  const [targets, setTargets] = useState<readonly MentionTarget[]>([])
  const [lifetime, setLifetime] = useState<ComposerModel['lifetime']>({})
  const previews = useRef(new Set<string>())
  const shown = useRef(text)
  shown.current = text
  useEffect(() => {
    const known = previews.current
    return () => {
      for (const preview of known) URL.revokeObjectURL(preview)
      known.clear()
    }
  }, [])
  useEffect(() => {
    keeper.open()
    // What another device wrote shows where nothing is being written.
    const stop = conversation.on('draft', (draft) => {
      if (shown.current === '' && draft && !threadRootId) setText(draft.text)
    })
    return () => {
      stop()
      keeper.close()
    }
  }, [conversation, keeper, threadRootId])

  const clear = useCallback(() => {
    setText('')
    setTargets([])
    keeper.keep('')
  }, [keeper])
  const startEdit = useCallback((message: ChatMessage) => {
    if (message.content.type !== 'text') return
    setReplyingTo(undefined)
    setEditing(message)
    setText(message.content.text)
  }, [])
  const startReply = useCallback((message: ChatMessage) => {
    setEditing(undefined)
    setReplyingTo(message)
  }, [])
  const cancel = () => {
    if (editing) setText(keeper.text)
    setEditing(undefined)
    setReplyingTo(undefined)
  }
  const facts = {
    ...(threadRootId && { threadRootId }),
    ...(replyingTo?.id && { replyToId: replyingTo.id }),
    ...lifetime,
  }
  const sendFile = (file: FileInput, more: FileOptions) => {
    conversation.sendFile(file, { ...more, ...facts }).catch(onFailed)
  }
  const submit = () => {
    const written = text.trim()
    const mentions = mentionsIn(written, targets)
    if (editing) {
      const { id, content } = editing
      const changed = content.type === 'text' && written !== '' && written !== content.text
      if (changed && id !== undefined) {
        const known = mentions ?? content.mentions
        conversation
          .edit(id, { type: 'text', text: written, ...(known && { mentions: known }) })
          .catch(onFailed)
      }
      cancel()
      return
    }
    for (const { file } of files) void videoFacts(file).then((video) => sendFile(file, video))
    setFiles([])
    if (written !== '') void conversation.send({ text: written, ...(mentions && { mentions }), ...facts })
    setReplyingTo(undefined)
    setLifetime({})
    clear()
  }

  return {
    text,
    files,
    editing,
    replyingTo,
    canSend: text.trim() !== '' || files.length > 0,
    lifetime,
    setLifetime,
    change: (next) => {
      setText(next)
      if (editing) return
      keeper.keep(next)
      if (next !== '') conversation.typing()
    },
    mention: (target) => setTargets((known) => [...known, target]),
    addFiles: (added) => {
      const drafts = [...added].map((file): DraftFile => {
        const preview = file.type.startsWith('image/') ? URL.createObjectURL(file) : undefined
        if (preview) previews.current.add(preview)
        return { key: `file ${count++}`, file, preview }
      })
      setFiles((present) => [...present, ...drafts])
    },
    removeFile: (removed) => setFiles((present) => present.filter((draft) => draft.key !== removed)),
    startEdit,
    startReply,
    cancel,
    submit,
    send: (content) => {
      void conversation.send({ content, ...facts })
      setReplyingTo(undefined)
      setLifetime({})
    },
    plan: async (written, send) => {
      const mentions = mentionsIn(written, targets)
      await send({ type: 'text', text: written, ...(mentions && { mentions }) })
      clear()
    },
    sendVoice: ({ blob, durationMs, waveform }) => {
      sendFile(blob, { name: 'voice.webm', voice: { durationMs, waveform } })
      setReplyingTo(undefined)
      setLifetime({})
    },
  }
}

/** How long and how large a film is, where the browser can play it. */
async function videoFacts(file: File): Promise<FileOptions> {
  if (!file.type.startsWith('video/') || typeof document === 'undefined') return {}
  const video = document.createElement('video')
  const url = URL.createObjectURL(file)
  try {
    video.preload = 'metadata'
    video.src = url
    await new Promise((resolve, reject) => {
      video.onloadedmetadata = resolve
      video.onerror = reject
    })
    const { videoWidth: width, videoHeight: height, duration } = video
    const known = Number.isFinite(duration) ? { durationMs: Math.round(duration * 1000) } : {}
    return { ...(width > 0 && { width, height }), video: known }
  } catch {
    return {} // No film that this browser plays: it is sent as a file.
  } finally {
    video.removeAttribute('src')
    URL.revokeObjectURL(url)
  }
}
