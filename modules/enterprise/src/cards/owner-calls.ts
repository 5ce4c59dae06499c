import { AppError, type CardClick, cardAnswer, cardContent, hookAnswer } from '@parley/contracts'
import type { Logger } from '@parley/core/kernel'
import { type OutgoingAnswer, type OutgoingCalls, publicEventId } from '@parley/core/webhooks'
import { signWebhook } from '@parley/protocols/standard-webhooks'
import { contentOfPost } from '../bots/hook-content.ts'
import type { OpenBot } from '../bots/webhook-bots.ts'
import type { LogEntry, Messages } from '../ports.ts'

export interface OwnerCallsOptions {
  calls: OutgoingCalls
  messages: Messages
  logger: Logger
  timeoutMs: number
}

const maxAnswerBytes = 256 * 1024

/** Tells the customer's server what was said to a bot or pressed on its card, and carries out what it answers. */
export class OwnerCalls {
  readonly #options: OwnerCallsOptions

  constructor(options: OwnerCallsOptions) {
    this.#options = options
  }

  /** Throws when the receiver did not take it. The same message told again brings no second reply. */
  async tellMessage(owner: OpenBot, message: LogEntry, signal: AbortSignal): Promise<void> {
    const { messages, logger } = this.#options
    const { projectId, bot } = owner
    const data = { botId: bot.id, conversationId: bot.conversationId, message }
    const answer = await this.#post(owner, 'hook.message-received', message.id, data, signal)
    for (const [index, post] of (parse(hookAnswer, answer)?.replies ?? []).entries()) {
      await unlessRefused(logger, () =>
        messages.send({
          ...{ projectId, senderId: bot.userId, conversationId: bot.conversationId },
          clientMessageId: `hook-${bot.id}-${message.id}-${index}`,
          content: contentOfPost(post),
        }),
      )
    }
  }

  /** Throws when the receiver did not take it. */
  async tellClick(owner: OpenBot, click: CardClick, signal: AbortSignal): Promise<void> {
    const { messages, logger } = this.#options
    const answer = await this.#post(owner, 'card.clicked', click.id, { botId: owner.bot.id, click }, signal)
    const card = parse(cardAnswer, answer)?.card
    if (card === undefined) return
    await unlessRefused(logger, () => messages.replace(owner.projectId, click.messageId, cardContent(card)))
  }

  async #post(
    { projectId, bot, secret }: OpenBot,
    type: string,
    subject: string,
    data: unknown,
    signal: AbortSignal,
  ): Promise<OutgoingAnswer> {
    // The same id at every attempt, so that the receiver can tell a repetition.
    const id = publicEventId(projectId, bot.id, subject)
    const now = new Date()
    const body = JSON.stringify({
      ...{ specversion: '1.0', id, source: `/projects/${projectId}`, type, subject },
      ...{ time: now.toISOString(), data },
    })
    const answer = await this.#options.calls.post({
      url: bot.outgoing?.url ?? '',
      headers: {
        ...signWebhook(body, { id, nowMs: now.getTime(), secrets: [secret] }),
        'content-type': 'application/json',
        'user-agent': 'Parley-Bots/1',
        accept: 'application/json',
      },
      ...{ body, timeoutMs: this.#options.timeoutMs, maxAnswerBytes, signal },
    })
    if (answer.status < 200 || answer.status >= 300) throw new Error(`the receiver answered ${answer.status}`)
    return answer
  }
}

/** An answer that is no valid JSON of this kind says nothing: the receiver has heard all the same. */
function parse<T>(
  schema: { safeParse(value: unknown): { success: boolean; data?: T | undefined } },
  { body, complete }: OutgoingAnswer,
): T | undefined {
  if (!complete || body.length === 0) return undefined
  try {
    return schema.safeParse(JSON.parse(body.toString())).data
  } catch {
    return undefined
  }
}

/** What is refused for good, such as a reply to a group the bot has left, is not tried again. */
async function unlessRefused(logger: Logger, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof AppError) || error.retryable) throw error
    logger.debug({ code: error.code }, 'an answer of a bot was refused')
  }
}
