import type { ChatRoomFacts, ChatRoomGift, ChatRoomMessage } from '@parley/client'
import { giftOf } from '@parley/client'
import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { ChatRoomModel } from '../../chat/use-chat-room.ts'
import { useNames } from '../../chat/use-names.ts'
import { useParley } from '../../parley-context.ts'
import { useAreaWays } from '../areas/area-context.ts'
import { summaryOf } from '../content/summary.ts'
import { AvatarButton } from '../parts/avatar-button.tsx'
import { clock } from '../parts/format.ts'
import { DownIcon } from '../parts/icons.tsx'
import { RichText } from '../parts/rich-text.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useLocale, useWords } from '../parts/ui-context.tsx'

const nearEndPx = 48

/** What is said in a chat room: follows the end, unless the reader has gone up. */
export function RoomMessages({ model, label }: { model: ChatRoomModel; label: string }) {
  const { messages, facts, dropped } = model
  const { userId } = useParley()
  const words = useWords()
  const onFailed = useErrorToast()
  const list = useRef<HTMLDivElement>(null)
  const [follows, setFollows] = useState(true)
  const last = messages.at(-1)?.id
  const fromEnd = useRef<number>(undefined)
  const toEnd = () => {
    const element = list.current
    if (element) element.scrollTop = element.scrollHeight
    setFollows(true)
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs for each new last message.
  useLayoutEffect(() => {
    if (follows) toEnd()
  }, [last])
  // biome-ignore lint/correctness/useExhaustiveDependencies: keeps the place when older messages come above.
  useLayoutEffect(() => {
    const element = list.current
    if (!element || fromEnd.current === undefined) return
    element.scrollTop = element.scrollHeight - fromEnd.current
    fromEnd.current = undefined
  }, [messages[0]?.id])
  const older = () => {
    const element = list.current
    fromEnd.current = element ? element.scrollHeight - element.scrollTop : undefined
    model.loadOlder().catch(onFailed)
  }
  useEffect(() => {
    const element = list.current
    if (!element || !follows) return
    const sizes = new ResizeObserver(() => {
      element.scrollTop = element.scrollHeight
    })
    sizes.observe(element)
    return () => sizes.disconnect()
  }, [follows])
  return (
    <div className="parley-thread-place">
      <div
        ref={list}
        className="parley-room-log"
        role="log"
        aria-label={label}
        aria-live="polite"
        tabIndex={0}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) =>
          setFollows(scrollHeight - scrollTop - clientHeight < nearEndPx)
        }
      >
        {model.hasOlder && (
          <button type="button" className="parley-link-button parley-room-older" onClick={older}>
            {words.room.older}
          </button>
        )}
        <div className="parley-room-spring" aria-hidden="true" />
        {messages.length === 0 && <p className="parley-hint">{words.room.quiet}</p>}
        {messages.map((message) => (
          <Line
            key={message.id}
            message={message}
            own={message.senderId === userId}
            role={facts && roleIn(facts, message.senderId)}
          />
        ))}
        {dropped > 0 && <p className="parley-room-dropped">{words.room.dropped(dropped)}</p>}
      </div>
      {!follows && (
        <button type="button" className="parley-to-end" aria-label={words.toLatest} onClick={toEnd}>
          <DownIcon />
        </button>
      )}
    </div>
  )
}

function roleIn({ ownerId, adminIds }: ChatRoomFacts, userId: string): 'owner' | 'admin' | undefined {
  return userId === ownerId ? 'owner' : adminIds.includes(userId) ? 'admin' : undefined
}

function Line(props: { message: ChatRoomMessage; own: boolean; role: 'owner' | 'admin' | undefined }) {
  const { senderId, content, createdAt } = props.message
  const gift = giftOf(props.message)
  const words = useWords()
  const locale = useLocale()
  const nameOf = useNames()
  const { openProfile } = useAreaWays()
  const name = senderId === '' ? words.room.server : nameOf(senderId)
  return (
    <article className="parley-room-message" data-own={props.own || undefined}>
      <AvatarButton
        id={senderId}
        name={name}
        size={30}
        disabled={senderId === ''}
        onClick={() => openProfile(senderId)}
      />
      <div>
        <p className="parley-room-who">
          <strong>{name}</strong>
          {props.role && (
            <small className="parley-tag">
              {props.role === 'owner' ? words.room.owner : words.roles.admin}
            </small>
          )}
          <time dateTime={createdAt}>{clock(createdAt, locale)}</time>
        </p>
        {gift ? (
          <Gift gift={gift} />
        ) : content.type === 'text' ? (
          <RichText text={content.text} />
        ) : (
          <i>{summaryOf(content, words)}</i>
        )}
      </div>
    </article>
  )
}

function Gift({ gift: { name, count, emoji, imageUrl, toUserId } }: { gift: ChatRoomGift }) {
  const words = useWords()
  const nameOf = useNames()
  return (
    <p className="parley-room-gift">
      {imageUrl !== undefined ? (
        <img src={imageUrl} alt="" referrerPolicy="no-referrer" />
      ) : (
        <span aria-hidden="true">{emoji ?? '\u{1F381}'}</span>
      )}
      <span dir="auto">
        {words.room.gave(name, count, toUserId === undefined ? undefined : nameOf(toUserId))}
      </span>
    </p>
  )
}
