import { AppError, type MessageContent, type StoredContent } from '@parley/contracts'
import type { Jobs } from '@parley/core/jobs'
import type { Ledger } from '@parley/core/ledger'
import { decodeCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import type { Queryable, Transaction } from '@parley/core/store'
import { z } from 'zod'
import type { EntryRow } from '../message/entry-row.ts'
import type { MessageParts } from '../message/message-parts.ts'
import { lockTarget, requireLiving } from '../message/target.ts'
import type { Operations, UserActor } from '../operations.ts'
import type { PacketClaim } from '../ports.ts'
import { splitEqually, splitRandomly } from './split.ts'

type Packet = Extract<MessageContent, { type: 'packet' }>

const refundJob = 'chat-refund-packet'

interface Share {
  share_no: number
  amount: number
  state: 'free' | 'reserved' | 'claimed' | 'refunded'
  user_id: string | null
  at: Date | null
}

/**
 * Money in shares. Every share has its amount from the moment of sending, so that the split is exact. A claim takes
 * three steps, so that no lock is held while the customer's server moves the money: reserve a share, ask, confirm or
 * give back. A repeat at any point goes on with the same share (CHAT-67).
 */
export class Packets {
  readonly #parts: MessageParts
  readonly #jobs: Jobs
  readonly #ledger: Ledger

  constructor(parts: MessageParts, jobs: Jobs, ledger: Ledger) {
    this.#parts = parts
    this.#jobs = jobs
    this.#ledger = ledger
    parts.onAdmitted.push((content) => this.#onAdmitted(content))
    jobs.define({
      name: refundJob,
      schema: z.object({ messageId: z.string() }),
      maxAttempts: 50,
      handle: ({ messageId }, { projectId }) => this.#refund(projectId, messageId),
    })
  }

  async claim(
    actor: UserActor,
    messageId: string,
  ): Promise<{ amount: number; currency: string; scale: number; claimedAt: string }> {
    const { packet, share, claim } = await this.#reserve(actor, messageId)
    if (share.state !== 'claimed') {
      try {
        await this.#parts.ports.packetGuard?.beforeClaim(claim)
      } catch (error) {
        await this.#release(claim)
        throw error
      }
      await this.#confirm(claim, packet)
    }
    const project = this.#parts.database.project(actor.projectId)
    const settled = await shareOf(project, actor.projectId, messageId, actor.userId)
    if (settled?.state !== 'claimed')
      throw new AppError('conflict', 'The share went back before it was taken')
    const { currency, scale } = packet
    return { amount: settled.amount, currency, scale, claimedAt: (settled.at ?? new Date()).toISOString() }
  }

  async claims(
    { projectId, userId }: { projectId: string; userId: string | undefined },
    messageId: string,
    { limit, cursor }: PageRequest,
  ): Promise<Page<{ userId: string; amount: number; claimedAt: string }>> {
    const { history, database } = this.#parts
    const { content } = await history.get(projectId, messageId, userId)
    if (content.type !== 'packet') throw new AppError('conflict', 'The message is no packet')
    const { rows } = await database.project(projectId).query<Share & { user_id: string }>({
      text: `select share_no, amount, state, user_id, at from chat.packet_shares
        where project_id = $1 and message_id = $2 and state = 'claimed' and user_id > $3 order by user_id limit $4`,
      values: [projectId, messageId, decodeCursor(cursor) ?? '', limit + 1],
    })
    return toPage(rows, limit, {
      keyOf: (row) => row.user_id,
      itemOf: ({ user_id, amount, at }) => ({
        userId: user_id,
        amount,
        claimedAt: (at ?? new Date(0)).toISOString(),
      }),
    })
  }

  #onAdmitted(content: StoredContent) {
    if (content.type !== 'packet') return undefined
    return (tx: Transaction, row: EntryRow) => this.#open(tx, row, content)
  }

  async #open(tx: Transaction, row: EntryRow, packet: Packet): Promise<void> {
    const { project_id: projectId, id: messageId } = row
    const expiresAt = row.facts?.packet?.expiresAt ?? row.created_at.toISOString()
    const amounts =
      packet.split === 'random'
        ? splitRandomly(packet.amount, packet.shares)
        : splitEqually(packet.amount, packet.shares)
    await tx.query({
      text: `with packet as (
          insert into chat.packets (project_id, message_id, conversation_id, sender_id, currency, scale, expires_at,
            state)
          values ($1, $2, $3, $4, $5, $6, $7, 'open')
        )
        insert into chat.packet_shares (project_id, message_id, share_no, amount, state)
        select $1, $2, place, amount, 'free' from unnest($8::bigint[]) with ordinality as s (amount, place)`,
      values: [
        projectId,
        messageId,
        row.conversation_id,
        row.sender_id,
        packet.currency,
        packet.scale,
        expiresAt,
        amounts,
      ],
    })
    await this.#note(tx, row, packet, 'sent', row.sender_id, packet.amount, row.sender_id)
    await this.#jobs.enqueue(tx, {
      name: refundJob,
      projectId,
      payload: { messageId },
      runAt: new Date(expiresAt),
    })
  }

  #reserve(
    actor: UserActor,
    messageId: string,
  ): Promise<{ packet: Packet; share: Share; claim: PacketClaim }> {
    const { projectId, userId } = actor
    return this.#parts.database.project(projectId).transaction(async (tx) => {
      const { message } = await lockTarget(tx, actor, messageId)
      requireLiving(message)
      const { content: packet } = message
      if (packet.type !== 'packet') throw new AppError('conflict', 'The message is no packet')
      if (packet.onlyUserId !== undefined && packet.onlyUserId !== userId)
        throw new AppError('forbidden', 'The packet is for somebody else')
      const share =
        (await shareOf(tx, projectId, messageId, userId)) ?? (await this.#takeFree(tx, message, userId))
      const claim: PacketClaim = {
        projectId,
        conversationId: message.conversation_id,
        messageId,
        kind: packet.kind,
        senderId: message.sender_id,
        userId,
        amount: share.amount,
        currency: packet.currency,
        scale: packet.scale,
      }
      return { packet, share, claim }
    })
  }

  async #takeFree(tx: Transaction, message: EntryRow, userId: string): Promise<Share> {
    const { packet } = message.facts ?? {}
    if (packet?.state === 'refunded' || Date.parse(packet?.expiresAt ?? '') <= Date.now())
      throw new AppError('conflict', 'The time of the packet is over')
    const { rows } = await tx.query<Share>({
      text: `update chat.packet_shares s set state = 'reserved', user_id = $3, at = now()
        where s.project_id = $1 and s.message_id = $2 and s.share_no = (
          select min(share_no) from chat.packet_shares
          where project_id = $1 and message_id = $2 and state = 'free')
        returning share_no, amount, state, user_id, at`,
      values: [message.project_id, message.id, userId],
    })
    const [share] = rows
    if (share === undefined) throw new AppError('conflict', 'Every share is taken')
    return share
  }

  async #release({ projectId, messageId, userId }: PacketClaim): Promise<void> {
    await this.#parts.database.project(projectId).query({
      text: `update chat.packet_shares set state = 'free', user_id = null, at = null
        where project_id = $1 and message_id = $2 and user_id = $3 and state = 'reserved'`,
      values: [projectId, messageId, userId],
    })
  }

  async #confirm(claim: PacketClaim, packet: Packet): Promise<void> {
    const { projectId, messageId, userId, amount } = claim
    await this.#parts.annotations.change({ projectId, userId }, messageId, async (tx, { message }) => {
      const { rowCount } = await tx.query({
        text: `update chat.packet_shares set state = 'claimed', at = now()
          where project_id = $1 and message_id = $2 and user_id = $3 and state = 'reserved'`,
        values: [projectId, messageId, userId],
      })
      const known = message.facts?.packet
      if (rowCount === 0 || known === undefined) return undefined
      const claimedShares = known.claimedShares + 1
      const all = claimedShares === packet.shares
      if (all) await setState(tx, projectId, messageId, 'claimed')
      await this.#note(tx, message, packet, 'claimed', userId, amount, userId)
      const state = all ? ('claimed' as const) : known.state
      return {
        kind: 'packet-claimed',
        facts: { packet: { ...known, state, claimedShares, claimedAmount: known.claimedAmount + amount } },
      }
    })
  }

  /** What was not taken in time goes back. Claims that were under way are settled first, by asking once more. */
  async #refund(projectId: string, messageId: string): Promise<void> {
    const project = this.#parts.database.project(projectId)
    const message = await this.#parts.history.get(projectId, messageId, undefined)
    const { content: packet } = message
    if (packet.type !== 'packet') return
    const { rows: open } = await project.query<Share & { user_id: string }>({
      text: `select share_no, amount, state, user_id, at from chat.packet_shares
        where project_id = $1 and message_id = $2 and state = 'reserved'`,
      values: [projectId, messageId],
    })
    for (const { user_id: userId, amount } of open) {
      const { conversationId, senderId } = message
      const { kind, currency, scale } = packet
      const claim = { projectId, conversationId, messageId, kind, senderId, userId, amount, currency, scale }
      await this.#settle(claim, packet)
    }
    await this.#parts.annotations.change({ projectId, userId: undefined }, messageId, async (tx, target) => {
      const known = target.message.facts?.packet
      if (known?.state !== 'open') return undefined
      const place = [projectId, messageId]
      const { rows: underWay } = await tx.query({
        text: `select from chat.packet_shares where project_id = $1 and message_id = $2 and state = 'reserved' limit 1`,
        values: place,
      })
      // A claim began in the last moment: the job comes again and settles it first.
      if (underWay.length > 0) throw new AppError('unavailable', 'A claim is under way')
      const { rows } = await tx.query<{ amount: number }>({
        text: `update chat.packet_shares set state = 'refunded', at = now()
          where project_id = $1 and message_id = $2 and state = 'free' returning amount`,
        values: place,
      })
      const rest = rows.reduce((sum, { amount }) => sum + amount, 0)
      await setState(tx, projectId, messageId, 'refunded')
      await this.#note(tx, target.message, packet, 'refunded', message.senderId, rest, 'rest')
      return { kind: 'packet-refunded', facts: { packet: { ...known, state: 'refunded' } } }
    })
  }

  async #settle(claim: PacketClaim, packet: Packet): Promise<void> {
    try {
      await this.#parts.ports.packetGuard?.beforeClaim(claim)
    } catch (error) {
      if (!(error instanceof AppError) || error.retryable) throw error
      await this.#release(claim)
      return
    }
    await this.#confirm(claim, packet)
  }

  /** A fact for the ledger: what happened to how much, once. */
  async #note(
    tx: Queryable,
    { project_id: projectId, id: messageId, conversation_id: conversationId }: EntryRow,
    { kind, currency, scale }: Packet,
    verb: 'sent' | 'claimed' | 'refunded',
    userId: string,
    quantity: number,
    key: string,
  ): Promise<void> {
    const fact = {
      id: `packet-${verb}:${messageId}:${key}`,
      projectId,
      type: `packet.${verb}`,
      subject: `message/${messageId}`,
      occurredAt: new Date(),
      quantity,
      data: { messageId, conversationId, userId, kind, currency, scale },
    }
    await this.#ledger.append(tx, [fact])
  }
}

export function registerPackets(operations: Operations, packets: Packets): void {
  operations.forUsers('packet.claim', (actor, { messageId }) => packets.claim(actor, messageId))
  operations.forAll('packet.claims', (actor, { messageId, ...page }) =>
    packets.claims(actor, messageId, page),
  )
}

async function shareOf(
  tx: Queryable,
  projectId: string,
  messageId: string,
  userId: string,
): Promise<Share | undefined> {
  const { rows } = await tx.query<Share>({
    text: `select share_no, amount, state, user_id, at from chat.packet_shares
      where project_id = $1 and message_id = $2 and user_id = $3`,
    values: [projectId, messageId, userId],
  })
  return rows[0]
}

async function setState(
  tx: Queryable,
  projectId: string,
  messageId: string,
  state: 'claimed' | 'refunded',
): Promise<void> {
  await tx.query({
    text: 'update chat.packets set state = $3 where project_id = $1 and message_id = $2',
    values: [projectId, messageId, state],
  })
}
