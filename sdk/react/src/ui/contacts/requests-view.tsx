import type { FriendRequest } from '@parley/client'
import { useEffect, useState } from 'react'
import { useNames } from '../../chat/use-names.ts'
import type { FriendRequestsModel } from '../../social/use-friend-requests.ts'
import { Field } from '../composer/forms.tsx'
import { PersonAddIcon } from '../parts/area-icons.tsx'
import { AvatarButton } from '../parts/avatar-button.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { moment } from '../parts/format.ts'
import { Segments } from '../parts/segments.tsx'
import { ShowMore } from '../parts/show-more.tsx'
import { EmptyNotice, FailedNotice, LoadingRows } from '../parts/state-notice.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useLocale, useWords } from '../parts/ui-context.tsx'

/** Friend requests, received and sent, with what can be done about them. */
export function RequestsView(props: { model: FriendRequestsModel; onOpen: (userId: string) => void }) {
  const { model } = props
  const words = useWords()
  const onFailed = useErrorToast()
  const [kind, setKind] = useState<'received' | 'sent'>('received')
  const [form, setForm] = useState<{ kind: 'accept' | 'refuse'; request: FriendRequest }>()
  const list = model[kind]
  const { refresh } = list
  // What the user asked from here or another device is not told by an event.
  useEffect(() => void refresh(), [refresh])
  return (
    <>
      <Segments
        label={words.people.requests}
        value={kind}
        onChange={setKind}
        options={[
          { value: 'received', label: words.people.received },
          { value: 'sent', label: words.people.sent },
        ]}
      />
      {list.status === 'loading' && <LoadingRows />}
      {list.status === 'failed' && <FailedNotice onRetry={() => void list.refresh()} />}
      {list.status === 'ready' && list.items.length === 0 && (
        <EmptyNotice icon={<PersonAddIcon size={28} />} title={words.people.noRequests} />
      )}
      <ul className="parley-person-cards">
        {list.items.map((request) => (
          <RequestCard
            key={request.id}
            request={request}
            isReceived={kind === 'received'}
            onOpen={props.onOpen}
            onAccept={() => setForm({ kind: 'accept', request })}
            onRefuse={() => setForm({ kind: 'refuse', request })}
            onWithdraw={() => void model.withdraw(request.id).catch(onFailed)}
          />
        ))}
      </ul>
      <ShowMore list={list} />
      {form && (
        <DecisionForm
          kind={form.kind}
          onSubmit={(text) => {
            const { id } = form.request
            const work = form.kind === 'accept' ? model.accept(id, text) : model.reject(id, text)
            work.catch(onFailed)
          }}
          onClose={() => setForm(undefined)}
        />
      )}
    </>
  )
}

function RequestCard(props: {
  request: FriendRequest
  isReceived: boolean
  onOpen: (userId: string) => void
  onAccept: () => void
  onRefuse: () => void
  onWithdraw: () => void
}) {
  const { request, isReceived } = props
  const words = useWords()
  const locale = useLocale()
  const nameOf = useNames()
  const other = isReceived ? request.fromUserId : request.toUserId
  const isOpen = request.status === 'pending'
  return (
    <li className="parley-person-card" data-request={other}>
      <AvatarButton id={other} name={nameOf(other)} size={42} onClick={() => props.onOpen(other)} />
      <div className="parley-person-text">
        <strong>{nameOf(other)}</strong>
        {request.message && <p dir="auto">{request.message}</p>}
        {request.reason && (
          <p className="parley-soft" dir="auto">
            {words.people.reason}: {request.reason}
          </p>
        )}
        <small className="parley-soft">
          {moment(Date.parse(request.createdAt), locale, words)} ·{' '}
          {words.people.requestStates[request.status]}
        </small>
      </div>
      {isOpen && (
        <div className="parley-person-actions">
          {isReceived ? (
            <>
              <button type="button" className="parley-button parley-primary" onClick={props.onAccept}>
                {words.people.accept}
              </button>
              <button type="button" className="parley-button" onClick={props.onRefuse}>
                {words.people.refuse}
              </button>
            </>
          ) : (
            <button type="button" className="parley-button" onClick={props.onWithdraw}>
              {words.people.withdraw}
            </button>
          )}
        </div>
      )}
    </li>
  )
}

/** Accepts, maybe with an own name for the friend, or refuses, maybe with a reason. */
function DecisionForm(props: {
  kind: 'accept' | 'refuse'
  onSubmit: (text: string | undefined) => void
  onClose: () => void
}) {
  const words = useWords()
  const [text, setText] = useState('')
  const accepts = props.kind === 'accept'
  return (
    <FormDialog
      title={accepts ? words.people.accept : words.people.refuse}
      submit={accepts ? words.people.accept : words.people.refuse}
      ready
      onSubmit={() => {
        props.onSubmit(text.trim() || undefined)
        props.onClose()
      }}
      onClose={props.onClose}
    >
      <Field
        label={accepts ? words.people.remark : words.people.reason}
        value={text}
        maxLength={accepts ? 128 : 500}
        onChange={setText}
        {...(accepts && { placeholder: words.people.remarkHint })}
      />
    </FormDialog>
  )
}
