import type { ChatMessage, Conversation } from '@parley/client'
import { useEffect, useState } from 'react'

export interface FileUrl {
  url: string | undefined
  /** Call when the address did not work: it may have expired. */
  onBroken: () => void
}

/** Local previews live on until the page goes, so that an image does not flicker when it was sent. */
const previews = new Map<string, string>()

/** Where the file of a message can be read from: the local one while it is sent, then a signed address. */
export function useFileUrl(conversation: Conversation, message: ChatMessage): FileUrl {
  const { key, file, seq } = message
  const [url, setUrl] = useState(() => previews.get(key))
  const [renew, setRenew] = useState(false)
  useEffect(() => {
    const preview = previews.get(key) ?? (file && URL.createObjectURL(file))
    if (preview) {
      previews.set(key, preview)
      return setUrl(preview)
    }
    if (seq === undefined) return
    let wanted = true
    conversation.fileUrl(seq, { renew }).then(
      (address) => {
        if (wanted) setUrl(address)
      },
      () => undefined, // Shown without its file until it is opened again.
    )
    return () => {
      wanted = false
    }
  }, [conversation, key, file, seq, renew])
  return { url, onBroken: () => setRenew(true) }
}
