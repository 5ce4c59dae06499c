import { AppError, type BotMessage, botAnswer, type Message } from '@parley/contracts'
import type { Logger } from '@parley/core/kernel'
import type { Database } from '@parley/core/store'
import { type OutgoingAnswer, type OutgoingCalls, publicEventId } from '@parley/core/webhooks'
import { signWebhook } from '@parley/protocols/standard-webhooks'
import type { ConversationRow } from '../conversation/conversation-row.ts'
import type { History } from '../message/history.ts'
import type { MessageSender } from '../message/send.ts'
import type { Bots, BotTarget } from './bots.ts'

export interface BotCallsOptions {
  database: Database
  bots: Bots
  history: History
  sender: MessageSender
  calls: OutgoingCalls
  logger: Logger
}

const timeoutMs = 10_000
const maxAnswerBytes = 256 * 1024
/** A message that failed so often is given up, and the next one is told. */
export const mostBotAttempts = 12
const longestPauseMs = 60_000

/** Tells bots what was said to them, in order, and sends what they answer. */
export class BotCalls {
  readonly #options: BotCallsOptions

  constructor(options: BotCallsOptions) {
    this.#options = options
  }

  /** Tells a bot all that waits for it; answers when to come again, in milliseconds, where it cannot be told now. */
  async deliverAll(projectId: string, userId: string, signal: AbortSignal): Promise<number | undefined> {
    for (;;) {
      signal.throwIfAborted()
      const target = await this.#options.bots.target(projectId, userId)
      const messageId = await this.#next(projectId, userId)
      if (target === undefined || messageId === undefined) return undefined
      const pauseMs = await this.#deliver(projectId, userId, target, messageId, signal)
      if (pauseMs !== undefined) return pauseMs
    }
  }

  async #next(projectId: string, userId: string): Promise<string | undefined> {
    const { rows } = await this.#options.database.project(projectId).query<{ message_id: string }>({
      name: 'chat-next-for-bot',
      text: `select message_id from chat.bot_deliveries
        where project_id = $1 and user_id = $2 and failed_at is null order by place limit 1`,
      values: [projectId, userId],
    })
    return rows[0]?.message_id
  }

  async #deliver(
    projectId: string,
    userId: string,
    target: BotTarget,
    messageId: string,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { history, logger } = this.#options
    const message = await history.get(projectId, messageId, userId).catch((error: unknown) => {
      // The bot may not see it any more: recalled with its conversation, or the bot was removed.
      if (error instanceof AppError) return undefined
      throw error
    })
    if (message !== undefined && message.content.type !== 'recalled') {
      try {
        await this.#tell(projectId, userId, target, message, signal)
      } catch (error) {
        signal.throwIfAborted()
        logger.debug({ error, botId: userId, messageId }, 'a bot could not be told')
        return this.#countFailure(projectId, userId, messageId)
      }
    }
    await this.#options.database.project(projectId).query({
      text: 'delete from chat.bot_deliveries where project_id = $1 and user_id = $2 and message_id = $3',
      values: [projectId, userId, messageId],
    })
    return undefined
  }

  async #tell(
    projectId: string,
    userId: string,
    target: BotTarget,
    message: Message,
    signal: AbortSignal,
  ): Promise<void> {
    const data = await this.#describe(projectId, userId, target, message)
    // The same id at every attempt, so that a bot can tell a repetition.
    const id = publicEventId(projectId, userId, message.id)
    const now = new Date()
    const body = JSON.stringify({
      ...{ specversion: '1.0', id, source: `/projects/${projectId}`, type: 'bot.message-received' },
      ...{ subject: `message/${message.id}`, time: now.toISOString(), data },
    })
    const headers = {
      ...signWebhook(body, { id, nowMs: now.getTime(), secrets: [target.secret] }),
      'content-type': 'application/json',
      'user-agent': 'Parley-Bots/1',
      accept: 'application/json',
    }
    const answer = await this.#options.calls.post({
      ...{ url: target.url, headers, body, timeoutMs, maxAnswerBytes, signal },
    })
    if (answer.status < 200 || answer.status >= 300) throw new Error(`the bot answered ${answer.status}`)
    await this.#reply(projectId, userId, message, answer)
  }

  async #describe(
    projectId: string,
    botId: string,
    { commands }: BotTarget,
    message: Message,
  ): Promise<BotMessage> {
    const { rows } = await this.#options.database
      .project(projectId)
      .query<Pick<ConversationRow, 'id' | 'type' | 'name'>>({
        text: 'select id, type, name from chat.conversations where project_id = $1 and id = $2',
        values: [projectId, message.conversationId],
      })
    const [row] = rows
    const conversation = {
      id: message.conversationId,
      type: row?.type ?? 'group',
      ...(row !== undefined && row.name !== null && { name: row.name }),
    }
    const text = message.content.type === 'text' ? message.content.text : ''
    const [, name, argument = ''] = /(?:^|\s)\/([\p{L}\p{N}_-]{1,32})(?:\s+([\s\S]*))?$/u.exec(text) ?? []
    const known = commands.some((command) => command.name === name)
    const command = known && name !== undefined ? { name, argument } : undefined
    return { botId, conversation, message, ...(command !== undefined && { command }) }
  }

  /** Each reply has a clientMessageId that follows from the question: told twice, a bot still answers once. */
  async #reply(projectId: string, senderId: string, message: Message, answer: OutgoingAnswer): Promise<void> {
    const { sender, logger } = this.#options
    for (const [index, content] of repliesOf(answer).entries()) {
      const clientMessageId = `bot-${message.id}-${index}`
      try {
        await sender.send({
          ...{ projectId, senderId, conversationId: message.conversationId, clientMessageId, content },
        })
      } catch (error) {
        if (!(error instanceof AppError) || error.retryable) throw error
        logger.debug({ code: error.code, messageId: message.id }, 'a reply of a bot was refused')
      }
    }
  }

  /** The pause before the next attempt, in milliseconds; undefined once the message is given up. */
  async #countFailure(projectId: string, userId: string, messageId: string): Promise<number | undefined> {
    const { rows } = await this.#options.database
      .project(projectId)
      .query<{ failed: boolean; attempts: number }>({
        text: `update chat.bot_deliveries set attempts = attempts + 1,
          failed_at = case when attempts + 1 >= $4 then now() end
        where project_id = $1 and user_id = $2 and message_id = $3 returning failed_at is not null as failed,
          attempts`,
        values: [projectId, userId, messageId, mostBotAttempts],
      })
    const [row] = rows
    if (row === undefined || row.failed) return undefined
    return Math.min(longestPauseMs, 500 * 2 ** row.attempts)
  }
}

/** An answer that is no valid JSON of this kind says nothing: the bot has heard the message all the same. */
function repliesOf({ body, complete }: OutgoingAnswer) {
  if (!complete || body.length === 0) return []
  try {
    return botAnswer.parse(JSON.parse(body.toString())).replies ?? []
  } catch {
    return []
  }
}
