import type { ChatMessage, EntryContent } from '@parley/client'
import { useState } from 'react'
import { usePane } from '../pane-context.ts'
import { Avatar } from '../parts/avatar.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { clock, day } from '../parts/format.ts'
import { IconButton } from '../parts/icon-button.tsx'
import { CloseIcon, ForwardIcon, PlaceIcon } from '../parts/icons.tsx'
import { RichText } from '../parts/rich-text.tsx'
import { useLocale, useStickers, useWords } from '../parts/ui-context.tsx'
import { summaryOf } from './summary.ts'

type Content<Type extends EntryContent['type']> = Extract<EntryContent, { type: Type }>

/** A place; opening it leads to OpenStreetMap, and nothing is fetched before. */
export function LocationCard({ content }: { content: Content<'location'> }) {
  const words = useWords()
  const { latitude, longitude, name, address } = content
  const place = `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`
  return (
    <a
      className="parley-card parley-location"
      href={`https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`}
      target="_blank"
      rel="noopener noreferrer"
    >
      <span className="parley-map" aria-hidden="true">
        <PlaceIcon size={30} />
      </span>
      <span className="parley-card-text">
        <strong>{name ?? words.location}</strong>
        <span>{address ?? place}</span>
      </span>
    </a>
  )
}

export function ContactCard({ content }: { content: Content<'contact'> }) {
  const { openUser } = usePane()
  const words = useWords()
  const { name, userId, phone, email, organization } = content
  return (
    <div className="parley-card parley-contact">
      <div className="parley-contact-head">
        <Avatar id={userId ?? name} name={name} size={42} />
        <span className="parley-card-text">
          <strong>{name}</strong>
          {organization && <span>{organization}</span>}
          {phone && <a href={`tel:${phone}`}>{phone}</a>}
          {email && <a href={`mailto:${email}`}>{email}</a>}
        </span>
      </div>
      {userId && (
        <button type="button" className="parley-card-action" onClick={() => openUser(userId)}>
          {words.sayHelloTo(name)}
        </button>
      )}
    </div>
  )
}

export function StickerView({ content }: { content: Content<'sticker'> }) {
  const words = useWords()
  const sets = useStickers()
  const known = sets
    .find(({ id }) => id === content.setId)
    ?.stickers.find(({ id }) => id === content.stickerId)
  const url = known?.url ?? content.attachment?.url
  const emoji = known?.emoji ?? content.emoji
  return (
    <span className="parley-sticker" role="img" aria-label={`${words.sticker} ${emoji ?? ''}`}>
      {url ? <img src={url} alt="" /> : (emoji ?? '▢')}
    </span>
  )
}

/** Several messages of elsewhere, of which the first lines show. */
export function MergedCard({ content }: { content: Content<'merged-forward'> }) {
  const { nameOf } = usePane()
  const words = useWords()
  const locale = useLocale()
  const [open, setOpen] = useState(false)
  const title = content.title ?? words.chatHistory
  return (
    <>
      <button type="button" className="parley-card parley-merged" onClick={() => setOpen(true)}>
        <strong>{title}</strong>
        {content.items.slice(0, 3).map((item, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: what was copied never changes.
          <span key={index}>
            {nameOf(item.senderId)}: {summaryOf(item.content, words)}
          </span>
        ))}
        <small>
          <ForwardIcon size={14} /> {words.messages(content.items.length)}
        </small>
      </button>
      {open && (
        <Dialog label={title} className="parley-dialog parley-history" onClose={() => setOpen(false)}>
          <header>
            <h2>{title}</h2>
            <IconButton label={words.close} onClick={() => setOpen(false)}>
              <CloseIcon />
            </IconButton>
          </header>
          <ol>
            {content.items.map((item, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: what was copied never changes.
              <li key={index}>
                <Avatar id={item.senderId} name={nameOf(item.senderId)} size={28} />
                <div>
                  <span className="parley-history-head">
                    <strong>{nameOf(item.senderId)}</strong>
                    <time dateTime={item.createdAt}>
                      {day(item.createdAt, locale, words)} {clock(item.createdAt, locale)}
                    </time>
                  </span>
                  {item.content.type === 'text' ? (
                    <RichText text={item.content.text} />
                  ) : item.content.type === 'image' && item.content.attachment?.url ? (
                    <img src={item.content.attachment.url} alt={item.content.attachment.name} />
                  ) : (
                    <i>{summaryOf(item.content, words)}</i>
                  )}
                </div>
              </li>
            ))}
          </ol>
        </Dialog>
      )}
    </>
  )
}

export function LinkPreview({ preview }: { preview: NonNullable<ChatMessage['linkPreview']> }) {
  return (
    <a className="parley-link-preview" href={preview.url} target="_blank" rel="noopener noreferrer nofollow">
      <small>{preview.siteName ?? new URL(preview.url).host}</small>
      {preview.title && <strong>{preview.title}</strong>}
      {preview.description && <span>{preview.description}</span>}
    </a>
  )
}
