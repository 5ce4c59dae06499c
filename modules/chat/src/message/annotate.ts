import type { StoredContent } from '@parley/contracts'
import {
  type AnnotationKind,
  type FactsChange,
  type Message,
  type MessageFacts,
  newId,
} from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import type { Database, Transaction } from '@parley/core/store'
import { type AppendedRun, appendedEvent } from './append.ts'
import { appendChange } from './append-change.ts'
import { type ContentDecorator, type EntryRow, entryColumns, toMessage } from './entry-row.ts'
import { type Actor, lockTarget, requireLiving, type Target } from './target.ts'

/** What is added to a message: facts as they are then (null: none any more), maybe another content. */
export interface Annotation {
  kind: AnnotationKind
  facts: FactsChange
  emoji?: string
  content?: StoredContent
}

export interface AnnotationsOptions {
  database: Database
  outbox: Outbox
  decorate: ContentDecorator
  onAppended: (run: AppendedRun) => void
}

/**
 * What members add to a message: reactions, pins, votes and the like. Each is written into the facts of the message
 * under the lock of its conversation, and told by an entry of the log that bears no unread.
 */
export class Annotations {
  readonly #options: AnnotationsOptions

  constructor(options: AnnotationsOptions) {
    this.#options = options
  }

  /** Answers the message as it stands then. `work` answers undefined when nothing changes. */
  change(
    actor: Actor,
    messageId: string,
    work: (tx: Transaction, target: Target) => Promise<Annotation | undefined>,
  ): Promise<Message> {
    const { database, decorate } = this.#options
    return database.project(actor.projectId).transaction(async (tx) => {
      const target = await lockTarget(tx, actor, messageId)
      requireLiving(target.message)
      const annotation = await work(tx, target)
      const row = annotation === undefined ? target.message : await this.#write(tx, actor, target, annotation)
      return toMessage(row, decorate)
    })
  }

  async #write(
    tx: Transaction,
    actor: Actor,
    { message, head }: Target,
    { kind, facts, emoji, content }: Annotation,
  ): Promise<EntryRow> {
    const { outbox, onAppended } = this.#options
    const { rows } = await tx.query<EntryRow>({
      name: 'chat-annotate',
      text: `update chat.entries e set facts = $4, content = coalesce($5, e.content)
        where e.project_id = $1 and e.conversation_id = $2 and e.seq = $3
        returning ${entryColumns}`,
      values: [
        message.project_id,
        message.conversation_id,
        message.seq,
        JSON.stringify(mergeFacts(message.facts ?? {}, facts)),
        content === undefined ? null : JSON.stringify(content),
      ],
    })
    const run = await appendChange(tx, head, {
      id: newId('message'),
      senderId: actor.userId ?? '',
      content: {
        type: 'annotated',
        targetId: message.id,
        targetSeq: message.seq,
        kind,
        ...(emoji !== undefined && { emoji }),
        ...(content !== undefined && { content }),
        facts,
      },
    })
    await outbox.append(tx, [appendedEvent(run)])
    tx.afterCommit(() => onAppended(run))
    return rows[0] ?? message
  }
}

function mergeFacts(facts: MessageFacts, change: FactsChange): MessageFacts {
  const merged = Object.entries({ ...facts, ...change }).filter(([, value]) => value !== null)
  return Object.fromEntries(merged) as MessageFacts
}
