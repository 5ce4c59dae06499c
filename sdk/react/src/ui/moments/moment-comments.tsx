import type { Moment, MomentComment } from '@parley/client'
import { useRef, useState } from 'react'
import { useNames } from '../../chat/use-names.ts'
import { useParley } from '../../parley-context.ts'
import { useFriends } from '../../social/use-friends.ts'
import { useComments } from '../../social/use-moment-responses.ts'
import { Avatar } from '../parts/avatar.tsx'
import { moment as when } from '../parts/format.ts'
import { IconButton } from '../parts/icon-button.tsx'
import { ArrowUpIcon, CloseIcon, ReplyIcon, TrashIcon } from '../parts/icons.tsx'
import { RichText } from '../parts/rich-text.tsx'
import { ShowMore } from '../parts/show-more.tsx'
import { FailedNotice, LoadingRows } from '../parts/state-notice.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useLocale, useWords } from '../parts/ui-context.tsx'

/** The comments on a moment, and the field for one more; `@name` of a friend mentions them. */
export function MomentComments(props: { moment: Moment; onChanged: () => void }) {
  const { moment } = props
  const { userId } = useParley()
  const words = useWords()
  const nameOf = useNames()
  const onFailed = useErrorToast()
  const model = useComments(moment.id)
  const [replyTo, setReplyTo] = useState<MomentComment>()
  const field = useRef<HTMLInputElement>(null)
  const mayRemove = ({ authorId }: MomentComment) => authorId === userId || moment.authorId === userId
  return (
    <div className="parley-comments">
      {model.status === 'loading' && moment.comments > 0 && <LoadingRows count={1} />}
      {model.status === 'failed' && <FailedNotice onRetry={() => void model.refresh()} />}
      <ul aria-label={words.moment.comments(model.items.length)}>
        {model.items.map((comment) => (
          <CommentLine
            key={comment.id}
            comment={comment}
            onReply={() => {
              setReplyTo(comment)
              field.current?.focus()
            }}
            {...(mayRemove(comment) && {
              onRemove: () => void model.remove(comment.id).then(props.onChanged).catch(onFailed),
            })}
          />
        ))}
      </ul>
      <ShowMore list={model} />
      {replyTo && (
        <p className="parley-replying">
          {words.moment.replyTo(nameOf(replyTo.authorId))}
          <IconButton label={words.cancel} onClick={() => setReplyTo(undefined)}>
            <CloseIcon size={14} />
          </IconButton>
        </p>
      )}
      <CommentForm
        fieldRef={field}
        onSend={async (text, mentions) => {
          await model.comment(text, {
            ...(replyTo && { replyToCommentId: replyTo.id }),
            ...(mentions.length > 0 && { mentions }),
          })
          setReplyTo(undefined)
          props.onChanged()
        }}
      />
    </div>
  )
}

function CommentForm(props: {
  fieldRef: React.RefObject<HTMLInputElement | null>
  onSend: (text: string, mentions: string[]) => Promise<void>
}) {
  const words = useWords()
  const nameOf = useNames()
  const onFailed = useErrorToast()
  const { friends } = useFriends()
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)
  const send = async () => {
    const said = text.trim()
    const mentioned = friends.filter((friend) => said.includes(`@${nameOf(friend.userId)}`))
    setBusy(true)
    try {
      await props.onSend(
        said,
        mentioned.map(({ userId }) => userId),
      )
      setText('')
    } catch (error) {
      onFailed(error)
    } finally {
      setBusy(false)
    }
  }
  return (
    <form
      className="parley-comment-form"
      onSubmit={(event) => {
        event.preventDefault()
        if (text.trim() !== '' && !busy) void send()
      }}
    >
      <input
        ref={props.fieldRef}
        value={text}
        dir="auto"
        maxLength={2_000}
        placeholder={words.moment.writeComment}
        aria-label={words.moment.writeComment}
        onChange={(event) => setText(event.target.value)}
      />
      <button
        type="submit"
        className="parley-send"
        disabled={text.trim() === '' || busy}
        aria-label={words.send}
        title={words.send}
      >
        <ArrowUpIcon size={18} />
      </button>
    </form>
  )
}

function CommentLine(props: { comment: MomentComment; onReply: () => void; onRemove?: () => void }) {
  const { comment } = props
  const { userId } = useParley()
  const words = useWords()
  const locale = useLocale()
  const nameOf = useNames()
  const name = nameOf(comment.authorId)
  return (
    <li className="parley-comment">
      <Avatar id={comment.authorId} name={name} size={28} />
      <div>
        <strong>{name}</strong>
        {comment.replyTo && (
          <small className="parley-soft"> {words.moment.repliedTo(nameOf(comment.replyTo.userId))}</small>
        )}
        <p>
          <RichText
            text={comment.text}
            mentions={{ userIds: comment.mentions }}
            userId={userId}
            nameOf={nameOf}
          />
        </p>
        <small className="parley-soft">{when(Date.parse(comment.createdAt), locale, words)}</small>
      </div>
      <IconButton label={words.moment.replyTo(name)} onClick={props.onReply}>
        <ReplyIcon size={16} />
      </IconButton>
      {props.onRemove && (
        <IconButton label={words.moment.removeComment} onClick={props.onRemove}>
          <TrashIcon size={16} />
        </IconButton>
      )}
    </li>
  )
}
