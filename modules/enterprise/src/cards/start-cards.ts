import { AppError, type CardClick, cardServerEndpoints as endpoints } from '@parley/contracts'
import type { Logger } from '@parley/core/kernel'
import type { Platform } from '@parley/core/platform'
import type { OutgoingCalls } from '@parley/core/webhooks'
import { z } from 'zod'
import type { WebhookBots } from '../bots/webhook-bots.ts'
import { approvalBotId, type EnterpriseConfig } from '../config.ts'
import type { Doors } from '../doors.ts'
import type { EnterprisePorts } from '../ports.ts'
import { CallQueues, callJob, callJobOf, type WaitingCall } from './call-queues.ts'
import { CardClicks } from './clicks.ts'
import { OwnerCalls } from './owner-calls.ts'

interface Parts {
  doors: Doors
  ports: EnterprisePorts
  config: EnterpriseConfig
  calls: OutgoingCalls
  logger: Logger
  bots: WebhookBots
  approvals: { clicked(projectId: string, click: CardClick): Promise<void> }
}

/** Cards and hooks: clicks, and the calls to whoever owns the card or the bot. */
export function startCards(platform: Platform, parts: Parts): void {
  const { database, outbox, jobs, http } = platform
  const { doors, config, calls, logger, bots, approvals } = parts
  const { messages } = parts.ports
  const clicks = new CardClicks({ database, outbox, jobs, messages })
  const owners = new OwnerCalls({ calls, messages, logger, timeoutMs: config.hookTimeoutMs })
  const queues = new CallQueues({ database, maxAttempts: config.hookAttempts })

  const tellMessage = async (projectId: string, call: WaitingCall, signal: AbortSignal): Promise<void> => {
    const owner = call.botId === undefined ? undefined : await bots.caller(projectId, call.botId)
    if (owner === undefined) return
    // The bot may not see it any more: it was removed from the group.
    const message = await messages.find(projectId, call.messageId, owner.bot.userId).catch(unlessGone)
    if (message === undefined || message.content.type === 'recalled') return
    await owners.tellMessage(owner, message, signal)
  }
  const tellClick = async (projectId: string, clickId: string, signal: AbortSignal): Promise<void> => {
    const click = await clicks.get(projectId, clickId)
    if (click === undefined) return
    if (click.ownerId === approvalBotId) return approvals.clicked(projectId, click)
    const owner = await bots.ownerOf(projectId, click.ownerId, click.conversationId)
    if (owner !== undefined) await owners.tellClick(owner, click, signal)
  }
  jobs.define({
    name: callJob,
    schema: z.object({ queue: z.string() }),
    handle: async ({ queue }, { projectId, signal }) => {
      const pauseMs = await queues.run(projectId, queue, signal, (call) =>
        call.clickId === undefined
          ? tellMessage(projectId, call, signal)
          : tellClick(projectId, call.clickId, signal),
      )
      if (pauseMs === undefined) return
      await jobs.enqueue(database.system, callJobOf(projectId, queue, new Date(Date.now() + pauseMs)))
    },
  })
  doors.forUsers('card.click', (actor, request, { grants }) => clicks.click(actor, request, grants))
  http.route(endpoints.updateCard, async ({ caller, params, body }) => {
    await clicks.update(caller.projectId, params.messageId, body.card)
    return { done: true as const }
  })
}

function unlessGone(error: unknown): undefined {
  if (error instanceof AppError && !error.retryable) return undefined
  throw error
}
