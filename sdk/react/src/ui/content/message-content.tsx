import type { ChatMessage } from '@parley/client'
import { createContext, type ReactNode, useContext } from 'react'
import { usePane } from '../pane-context.ts'
import { RichText } from '../parts/rich-text.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { ContactCard, LinkPreview, LocationCard, MergedCard, StickerView } from './cards.tsx'
import { FileCard } from './file-card.tsx'
import { ImageCard } from './image-card.tsx'
import { PacketCard } from './packet-card.tsx'
import { PollCard } from './poll-card.tsx'
import { VoicePlayer } from './voice-player.tsx'

/** Shows a message type of the application's own; undefined where it does not know the kind. */
export type RenderCustom = (content: {
  kind: string
  data: unknown
  summary?: string | undefined
}) => ReactNode

export const CustomContext = createContext<RenderCustom | undefined>(undefined)

/** What a message says, whatever its type. */
export function MessageContent({ message }: { message: ChatMessage }) {
  const { nameOf, userId } = usePane()
  const words = useWords()
  const renderCustom = useContext(CustomContext)
  const { content } = message
  const caption = 'caption' in content && content.caption ? <RichText text={content.caption} /> : null
  switch (content.type) {
    case 'text':
      return (
        <>
          <RichText
            text={content.text}
            mentions={content.mentions}
            userId={userId}
            nameOf={nameOf}
            allWords={[words.everyone, words.everyoneOnline, 'everyone', '所有人', 'online', '在线成员']}
          />
          {message.linkPreview && <LinkPreview preview={message.linkPreview} />}
        </>
      )
    case 'image':
    case 'video':
      return (
        <>
          <ImageCard message={message} />
          {caption}
        </>
      )
    case 'file':
      return (
        <>
          <FileCard message={message} />
          {caption}
        </>
      )
    case 'voice':
      return <VoicePlayer message={message} />
    case 'location':
      return <LocationCard content={content} />
    case 'contact':
      return <ContactCard content={content} />
    case 'sticker':
      return <StickerView content={content} />
    case 'merged-forward':
      return 'items' in content ? <MergedCard content={content} /> : null
    case 'poll':
      return <PollCard message={message} />
    case 'packet':
      return <PacketCard message={message} />
    case 'stream':
      return (
        <span className="parley-stream" data-open={content.state === 'open' || undefined}>
          <RichText text={content.text} />
          {content.state === 'open' && <i className="parley-caret" role="img" aria-label={words.writing} />}
          {content.state === 'interrupted' && <small>{words.interrupted}</small>}
        </span>
      )
    case 'custom':
      return renderCustom?.(content) ?? <RichText text={content.summary ?? words.unknownContent} />
    default:
      return <RichText text={words.unknownContent} />
  }
}
