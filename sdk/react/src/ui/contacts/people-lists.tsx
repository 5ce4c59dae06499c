import { followsOf } from '@parley/client'
import { useNames } from '../../chat/use-names.ts'
import { useParley } from '../../parley-context.ts'
import { useBlocks } from '../../social/use-blocks.ts'
import { useFollows } from '../../social/use-follows.ts'
import { HeartIcon } from '../parts/area-icons.tsx'
import { Avatar } from '../parts/avatar.tsx'
import { BlockIcon } from '../parts/icons.tsx'
import { ShowMore } from '../parts/show-more.tsx'
import { EmptyNotice, FailedNotice, LoadingRows } from '../parts/state-notice.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** Whom the user follows, or who follows the user. */
export function FollowedPeople(props: {
  direction: 'following' | 'followers'
  onOpen: (userId: string) => void
}) {
  const { direction } = props
  const { chat } = useParley()
  const words = useWords()
  const nameOf = useNames()
  const onFailed = useErrorToast()
  const list = useFollows(direction)
  const change = (work: Promise<unknown>) => void work.then(list.refresh).catch(onFailed)
  return (
    <>
      {list.status === 'loading' && <LoadingRows />}
      {list.status === 'failed' && <FailedNotice onRetry={() => void list.refresh()} />}
      {list.status === 'ready' && list.items.length === 0 && (
        <EmptyNotice
          icon={<HeartIcon size={28} />}
          title={direction === 'following' ? words.people.noFollowing : words.people.noFollowers}
        />
      )}
      <ul className="parley-person-cards">
        {list.items.map(({ userId, mutual }) => (
          <li key={userId} className="parley-person-card" data-person={userId}>
            <button type="button" className="parley-person-who" onClick={() => props.onOpen(userId)}>
              <Avatar id={userId} name={nameOf(userId)} size={38} />
              <strong>{nameOf(userId)}</strong>
              {mutual && <small className="parley-tag">{words.people.mutual}</small>}
            </button>
            {direction === 'following' ? (
              <button
                type="button"
                className="parley-button"
                onClick={() => change(followsOf(chat).remove(userId))}
              >
                {words.people.unfollow}
              </button>
            ) : (
              !mutual && (
                <button
                  type="button"
                  className="parley-button"
                  onClick={() => change(followsOf(chat).add(userId))}
                >
                  {words.people.follow}
                </button>
              )
            )}
          </li>
        ))}
      </ul>
      <ShowMore list={list} />
    </>
  )
}

/** Whom the user blocks. */
export function BlockedPeople() {
  const words = useWords()
  const nameOf = useNames()
  const onFailed = useErrorToast()
  const list = useBlocks()
  return (
    <>
      <p className="parley-soft">{words.people.blockedText}</p>
      {list.status === 'loading' && <LoadingRows />}
      {list.status === 'failed' && <FailedNotice onRetry={() => void list.refresh()} />}
      {list.status === 'ready' && list.items.length === 0 && (
        <EmptyNotice icon={<BlockIcon size={28} />} title={words.people.noBlocked} />
      )}
      <ul className="parley-person-cards">
        {list.items.map(({ userId }) => (
          <li key={userId} className="parley-person-card" data-person={userId}>
            <span className="parley-person-who">
              <Avatar id={userId} name={nameOf(userId)} size={38} />
              <strong>{nameOf(userId)}</strong>
            </span>
            <button
              type="button"
              className="parley-button"
              onClick={() => void list.unblock(userId).catch(onFailed)}
            >
              {words.people.unblock}
            </button>
          </li>
        ))}
      </ul>
      <ShowMore list={list} />
    </>
  )
}
