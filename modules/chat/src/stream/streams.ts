import { AppError, type Message, type SendAnswer, type SendOptions } from '@parley/contracts'
import type { Queryable, Transaction } from '@parley/core/store'
import { requireChatGrant } from '../acting-user.ts'
import { admit } from '../message/admission.ts'
import { readEntry } from '../message/history.ts'
import type { MessageParts } from '../message/message-parts.ts'
import { destinationOf } from '../message/send.ts'
import { optionsIn } from '../message/send-options.ts'
import type { Actor } from '../message/target.ts'
import type { Operations, UserActor } from '../operations.ts'

const maxLength = 200_000
/** So much of what was written before is judged again with each piece. */
const judgedBefore = 64

interface Place {
  conversationId?: string | undefined
  toUserId?: string | undefined
}

export interface StreamState {
  messageId: string
  state: 'open' | 'finished' | 'interrupted'
  offset: number
  text: string
  length: number
}

/**
 * Messages whose text grows while readers watch. The message has its place in the log from the beginning; pieces are
 * stored as they come and told live, without entries of their own; the end writes the text into the message (CHAT-68).
 */
export class Streams {
  readonly #parts: MessageParts

  constructor(parts: MessageParts) {
    this.#parts = parts
  }

  async begin(
    { projectId, userId: senderId }: UserActor,
    command: Place & SendOptions & { clientMessageId: string; format?: string | undefined },
  ): Promise<SendAnswer> {
    const { conversationId, toUserId, clientMessageId, format } = command
    const stored = { type: 'stream' as const, state: 'open' as const, text: '', ...(format && { format }) }
    const sent = await this.#parts.send({
      projectId,
      senderId,
      conversationId,
      toUserId,
      clientMessageId,
      // Guards see that one begins; its text is judged when it ends.
      content: { type: 'custom', kind: 'parley.stream', data: format ?? null },
      stored,
      options: optionsIn(command),
      alongside: async (tx, row) => {
        await tx.query({
          text: `insert into chat.streams (project_id, message_id, conversation_id, writer_id) values ($1, $2, $3, $4)`,
          values: [projectId, row.id, row.conversation_id, senderId],
        })
      },
    })
    return { ...sent, createdAt: sent.createdAt.toISOString() }
  }

  /** Throws `conflict` when the text does not end at `offset` and this is no repeat. */
  async append(
    { projectId, userId }: UserActor,
    messageId: string,
    { offset, text: given }: { offset: number; text: string },
  ): Promise<number> {
    if (offset + given.length > maxLength)
      throw new AppError('limit-exceeded', `A growing message holds at most ${maxLength} characters`)
    const { database, signals } = this.#parts
    const key = [projectId, messageId]
    const text = await this.#judged(projectId, userId, messageId, { offset, text: given })
    const { length, conversationId } = await database.project(projectId).transaction(async (tx) => {
      const { rows } = await tx.query<{ conversation_id: string; writer_id: string; length: number }>({
        name: 'chat-lock-stream',
        text: `select conversation_id, writer_id, length from chat.streams
          where project_id = $1 and message_id = $2 for update`,
        values: key,
      })
      const [stream] = rows
      if (stream === undefined) throw await this.#noStream(projectId, messageId, userId)
      if (stream.writer_id !== userId) throw new AppError('forbidden', 'Somebody else writes this message')
      if (offset !== stream.length) {
        const { rows: pieces } = await tx.query<{ piece: string }>({
          text: 'select piece from chat.stream_pieces where project_id = $1 and message_id = $2 and at_offset = $3',
          values: [...key, offset],
        })
        if (pieces[0]?.piece === text) return { length: stream.length, conversationId: undefined }
        throw new AppError('conflict', `The text is ${stream.length} long`)
      }
      await tx.query({
        name: 'chat-append-piece',
        text: `with piece as (
            insert into chat.stream_pieces (project_id, message_id, at_offset, piece) values ($1, $2, $3, $4)
          )
          update chat.streams set length = $5, touched_at = now() where project_id = $1 and message_id = $2`,
        values: [...key, offset, text, offset + text.length],
      })
      return { length: offset + text.length, conversationId: stream.conversation_id }
    })
    if (conversationId !== undefined) {
      const event = { type: 'message.delta' as const, conversationId, messageId, offset, text }
      signals.send({ projectId, conversationId, fromUserId: userId, event })
    }
    return length
  }

  /** The piece as it may be stored; the same for the same piece, so that repeats are known. */
  async #judged(
    projectId: string,
    userId: string,
    messageId: string,
    { offset, text }: { offset: number; text: string },
  ): Promise<string> {
    const { database, ports } = this.#parts
    if (ports.streamGate === undefined || text === '') return text
    const { rows } = await database
      .project(projectId)
      .query<{ conversation_id: string; writer_id: string; before: string | null }>({
        name: 'chat-stream-before',
        text: `select s.conversation_id, s.writer_id, (
            select string_agg(p.piece, '' order by p.at_offset) from chat.stream_pieces p
            where p.project_id = $1 and p.message_id = $2 and p.at_offset < $3
              and p.at_offset + length(p.piece) > $3 - $4::int
          ) as before from chat.streams s where s.project_id = $1 and s.message_id = $2`,
        values: [projectId, messageId, offset, judgedBefore],
      })
    const [stream] = rows
    // Whoever may not write it is told so where it is locked.
    if (stream === undefined || stream.writer_id !== userId) return text
    const place = { projectId, conversationId: stream.conversation_id, messageId, userId }
    const judged = await ports.streamGate({ ...place, before: endOf(stream.before ?? ''), piece: text })
    if (judged.length !== text.length) throw new AppError('content-rejected')
    return judged
  }

  /** Ends it: the text is judged as an edit is. A text that guards refuse is not kept. */
  async finish(actor: UserActor, messageId: string, interrupted: boolean): Promise<Message> {
    const { writer_id: writerId } = await this.#stream(actor.projectId, messageId, actor.userId)
    if (writerId !== undefined && writerId !== actor.userId)
      throw new AppError('forbidden', 'Somebody else writes this message')
    return this.#end(actor, messageId, interrupted ? 'interrupted' : 'finished')
  }

  async read({ projectId, userId }: Actor, messageId: string, offset: number): Promise<StreamState> {
    const { history, database } = this.#parts
    const { content } = await history.get(projectId, messageId, userId)
    if (content.type !== 'stream') throw new AppError('conflict', 'The message does not grow')
    const open = content.state === 'open'
    const text = open ? await textOf(database.project(projectId), projectId, messageId) : content.text
    return { messageId, state: content.state, offset, text: text.slice(offset), length: text.length }
  }

  /** Ends what nobody writes any more: the writer's process is gone, or hangs. */
  async endAbandoned(): Promise<void> {
    const { database, settings, logger } = this.#parts
    const { rows } = await database.system.query<{ project_id: string; message_id: string }>({
      text: `select project_id, message_id from chat.streams
        where touched_at < now() - $1 * interval '1 millisecond' limit 100`,
      values: [settings.streamIdleMs],
    })
    for (const { project_id: projectId, message_id: messageId } of rows) {
      await this.#end(
        { projectId, userId: undefined },
        messageId,
        'interrupted',
        settings.streamIdleMs,
      ).catch((error: unknown) => logger.warn({ error, messageId }, 'an abandoned stream was not ended'))
    }
  }

  async #end(
    actor: Actor,
    messageId: string,
    state: 'finished' | 'interrupted',
    idleMs = 0,
  ): Promise<Message> {
    const { database, annotations, ports, views } = this.#parts
    const project = database.project(actor.projectId)
    const message = await readEntry(project, messageId, actor.userId)
    const { content } = message
    if (content.type !== 'stream') {
      await this.#forget(project, actor.projectId, messageId)
      throw new AppError('conflict', 'The message does not grow')
    }
    const text = await textOf(project, actor.projectId, messageId)
    let refusal: unknown
    let final = text
    if (text !== '' && content.state === 'open') {
      try {
        const members = await views.get(actor.projectId, message.conversation_id)
        const judged = await admit(ports.sendGuards, members, {
          senderId: message.sender_id,
          operation: 'edit',
          content: { type: 'text', text },
        })
        final = judged.type === 'text' ? judged.text : ''
      } catch (error) {
        if (!(error instanceof AppError) || error.retryable) throw error
        refusal = error
        final = ''
      }
    }
    const ended = await annotations.change(actor, messageId, async (tx, target) => {
      const { content: now } = target.message
      if (now.type !== 'stream' || now.state !== 'open') return undefined
      if (!(await this.#close(tx, actor.projectId, messageId, text.length, idleMs))) return undefined
      const { format } = now
      return {
        kind: 'stream-ended',
        facts: {},
        content: {
          type: 'stream',
          state: refusal === undefined ? state : 'interrupted',
          text: final,
          ...(format !== undefined && { format }),
        },
      }
    })
    if (refusal !== undefined) throw refusal
    return ended
  }

  /** Takes the pieces away. False when it was touched meanwhile; throws when it has grown since it was judged. */
  async #close(
    tx: Transaction,
    projectId: string,
    messageId: string,
    judged: number,
    idleMs: number,
  ): Promise<boolean> {
    const { rows } = await tx.query<{ length: number; idle: boolean }>({
      text: `select length, touched_at <= now() - $3 * interval '1 millisecond' as idle from chat.streams
        where project_id = $1 and message_id = $2 for update`,
      values: [projectId, messageId, idleMs],
    })
    const [stream] = rows
    if (stream === undefined || (idleMs > 0 && !stream.idle)) return false
    if (stream.length !== judged) throw new AppError('conflict', 'The text has grown meanwhile; finish again')
    await this.#forget(tx, projectId, messageId)
    return true
  }

  async #forget(tx: Queryable, projectId: string, messageId: string): Promise<void> {
    await tx.query({
      text: `with gone as (delete from chat.streams where project_id = $1 and message_id = $2)
        delete from chat.stream_pieces where project_id = $1 and message_id = $2`,
      values: [projectId, messageId],
    })
  }

  async #stream(projectId: string, messageId: string, userId: string): Promise<{ writer_id?: string }> {
    const { rows } = await this.#parts.database.project(projectId).query<{ writer_id: string }>({
      text: 'select writer_id from chat.streams where project_id = $1 and message_id = $2',
      values: [projectId, messageId],
    })
    const [stream] = rows
    if (stream !== undefined) return stream
    const { content, sender_id: senderId } = await readEntry(
      this.#parts.database.project(projectId),
      messageId,
      userId,
    )
    if (content.type !== 'stream') throw new AppError('conflict', 'The message does not grow')
    return { writer_id: senderId }
  }

  async #noStream(projectId: string, messageId: string, userId: string): Promise<AppError> {
    await readEntry(this.#parts.database.project(projectId), messageId, userId)
    return new AppError('conflict', 'The message does not grow any more')
  }
}

export function registerStreams(operations: Operations, streams: Streams): void {
  operations.forUsers('stream.begin', (actor, command, { grants }) => {
    if ((command.conversationId === undefined) === (command.toUserId === undefined))
      throw new AppError('invalid-request', 'give either conversationId or toUserId')
    requireChatGrant(grants, 'send', destinationOf(actor.userId, command))
    return streams.begin(actor, command)
  })
  operations.forUsers('stream.append', async (actor, { messageId, ...piece }) => ({
    length: await streams.append(actor, messageId, piece),
  }))
  operations.forUsers('stream.finish', (actor, { messageId, interrupted }) =>
    streams.finish(actor, messageId, interrupted === true),
  )
  operations.forAll('stream.read', (actor, { messageId, offset }) => streams.read(actor, messageId, offset))
}

/** The last of a text; a word that would be cut is left out, lest its end be taken for another word. */
function endOf(text: string): string {
  if (text.length <= judgedBefore) return text
  return text.slice(-judgedBefore).replace(/^[\p{Script=Latin}\p{Script=Cyrillic}\d]+/u, '')
}

async function textOf(tx: Queryable, projectId: string, messageId: string): Promise<string> {
  const { rows } = await tx.query<{ text: string | null }>({
    name: 'chat-stream-text',
    text: `select string_agg(piece, '' order by at_offset) as text from chat.stream_pieces
      where project_id = $1 and message_id = $2`,
    values: [projectId, messageId],
  })
  return rows[0]?.text ?? ''
}
