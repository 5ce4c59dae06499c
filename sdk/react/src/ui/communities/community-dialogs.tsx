import type { Conversation } from '@parley/client'
import { createChannel, createCommunity, joinGroup } from '@parley/client'
import { useState } from 'react'
import { useParley } from '../../parley-context.ts'
import { Check, Field } from '../composer/forms.tsx'
import { CommunitiesIcon } from '../parts/area-icons.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { LinkIcon } from '../parts/icons.tsx'
import { Segments } from '../parts/segments.tsx'
import { useErrorToast, useToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** Makes a community, or joins one by its id or a link. */
export function CommunityDialog(props: { onOpen: (communityId: string) => void; onClose: () => void }) {
  const { chat } = useParley()
  const words = useWords()
  const toast = useToast()
  const onFailed = useErrorToast()
  const [kind, setKind] = useState<'create' | 'join'>('create')
  const [name, setName] = useState('')
  const [members, setMembers] = useState('')
  const [link, setLink] = useState('')
  const [busy, setBusy] = useState(false)
  const create = async () => {
    const memberIds = idsIn(members)
    const { id } = await createCommunity(chat, {
      name: name.trim(),
      ...(memberIds.length > 0 && { memberIds }),
    })
    props.onOpen(id)
  }
  const join = async () => {
    const [id = '', token] = link.trim().split('#')
    const { status } = await joinGroup(chat, id, token ? { token } : {})
    if (status === 'joined') props.onOpen(id)
    else toast(words.joinRequested)
  }
  const submit = () => {
    setBusy(true)
    const work = kind === 'create' ? create() : join()
    work.then(props.onClose, onFailed).finally(() => setBusy(false))
  }
  const given = kind === 'create' ? name : link
  return (
    <FormDialog
      title={kind === 'create' ? words.community.create : words.community.join}
      submit={kind === 'create' ? words.create : words.join}
      ready={given.trim() !== '' && !busy}
      onSubmit={submit}
      onClose={props.onClose}
    >
      <Segments
        label={words.areas.communities}
        value={kind}
        onChange={setKind}
        options={[
          { value: 'create', label: words.create, icon: <CommunitiesIcon size={17} /> },
          { value: 'join', label: words.join, icon: <LinkIcon size={17} /> },
        ]}
      />
      {kind === 'create' ? (
        <>
          <Field label={words.community.name} value={name} maxLength={256} onChange={setName} />
          <Field
            label={words.groupMembers}
            value={members}
            placeholder={words.groupMembersHint}
            onChange={setMembers}
          />
        </>
      ) : (
        <Field label={words.community.joinHint} value={link} onChange={setLink} />
      )}
    </FormDialog>
  )
}

/** Makes a channel in a community. */
export function ChannelDialog(props: {
  community: Conversation
  categories: readonly string[]
  /** Place behind the others. */
  next: number
  onMade: (channelId: string) => void
  onClose: () => void
}) {
  const words = useWords()
  const onFailed = useErrorToast()
  const [name, setName] = useState('')
  const [category, setCategory] = useState('')
  const [isPrivate, setPrivate] = useState(false)
  const [members, setMembers] = useState('')
  const [busy, setBusy] = useState(false)
  const submit = () => {
    const memberIds = idsIn(members)
    setBusy(true)
    createChannel(props.community, {
      name: name.trim(),
      public: !isPrivate,
      position: props.next,
      ...(category.trim() !== '' && { category: category.trim() }),
      ...(isPrivate && memberIds.length > 0 && { memberIds }),
    })
      .then(({ id }) => {
        props.onMade(id)
        props.onClose()
      }, onFailed)
      .finally(() => setBusy(false))
  }
  return (
    <FormDialog
      title={words.community.newChannel}
      submit={words.create}
      ready={name.trim() !== '' && !busy}
      onSubmit={submit}
      onClose={props.onClose}
    >
      <Field label={words.community.channelName} value={name} maxLength={256} onChange={setName} />
      <label className="parley-field">
        <span>{words.community.category}</span>
        <input
          value={category}
          maxLength={128}
          list="parley-categories"
          autoComplete="off"
          placeholder={words.community.categoryHint}
          onChange={(event) => setCategory(event.target.value)}
        />
        <datalist id="parley-categories">
          {props.categories.map((known) => (
            <option key={known} value={known} />
          ))}
        </datalist>
      </label>
      <Check label={words.community.privateChannel} checked={isPrivate} onChange={setPrivate} />
      {isPrivate && (
        <Field
          label={words.groupMembers}
          value={members}
          placeholder={words.groupMembersHint}
          onChange={setMembers}
        />
      )}
    </FormDialog>
  )
}

const idsIn = (text: string): string[] => text.split(/[,，、\s]+/).filter((id) => id !== '')
