import type { ChatMessage } from '@parley/client'
import { claimPacket, listClaims } from '@parley/client'
import { useState } from 'react'
import { usePane } from '../pane-context.ts'
import { Avatar } from '../parts/avatar.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { money } from '../parts/format.ts'
import { IconButton } from '../parts/icon-button.tsx'
import { CloseIcon, GiftIcon } from '../parts/icons.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useLocale, useWords } from '../parts/ui-context.tsx'

interface Claim {
  userId: string
  amount: number
}

/** A red packet or a gift: opening it takes the user's share and shows who else took one. */
export function PacketCard({ message }: { message: ChatMessage }) {
  const { conversation, nameOf, userId } = usePane()
  const words = useWords()
  const locale = useLocale()
  const onFailed = useErrorToast()
  const [opened, setOpened] = useState<{ own: number | undefined; claims: readonly Claim[] }>()
  const { content, packet, id } = message
  if (content.type !== 'packet') return null
  const state = packet?.state ?? 'open'
  const shown = (amount: number) => money(amount, content.scale, content.currency, locale)
  const open = async () => {
    if (id === undefined) return
    try {
      let own: number | undefined
      if (state === 'open') {
        own = await claimPacket(conversation, id).then(
          ({ amount }) => amount,
          () => undefined, // Not for this user, or just taken: the list tells.
        )
      }
      const { items } = await listClaims(conversation, id, { limit: 100 })
      setOpened({ own: own ?? items.find((claim) => claim.userId === userId)?.amount, claims: items })
    } catch (error) {
      onFailed(error)
    }
  }
  const greeting = content.greeting ?? words.packetGreeting
  return (
    <>
      <button
        type="button"
        className="parley-packet"
        data-state={state}
        data-kind={content.kind}
        onClick={() => void open()}
      >
        <span className="parley-packet-mark">
          <GiftIcon size={26} />
        </span>
        <span className="parley-card-text">
          <strong>{greeting}</strong>
          <span>{words.packetState[state]}</span>
        </span>
        <small>
          {words.packet[content.kind]} · {words.shares(packet?.claimedShares ?? 0, content.shares)}
        </small>
      </button>
      {opened && (
        <Dialog
          label={greeting}
          className="parley-dialog parley-packet-dialog"
          onClose={() => setOpened(undefined)}
        >
          <header>
            <h2>{greeting}</h2>
            <IconButton label={words.close} onClick={() => setOpened(undefined)}>
              <CloseIcon />
            </IconButton>
          </header>
          <p className="parley-packet-own">
            {opened.own === undefined ? words.packetNothing : shown(opened.own)}
          </p>
          <ul className="parley-people">
            {opened.claims.map((claim) => (
              <li key={claim.userId}>
                <Avatar id={claim.userId} name={nameOf(claim.userId)} size={32} />
                <span>{nameOf(claim.userId)}</span>
                <b>{shown(claim.amount)}</b>
              </li>
            ))}
          </ul>
        </Dialog>
      )}
    </>
  )
}
