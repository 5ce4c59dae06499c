import { botEndpoints as endpoints } from '@parley/contracts'
import type { Scope } from '@parley/core/kernel'
import type { Platform } from '@parley/core/platform'
import { OutgoingCalls } from '@parley/core/webhooks'
import { z } from 'zod'
import type { Operations } from '../operations.ts'
import type { UserDirectory } from '../ports.ts'
import type { ChatService } from '../service.ts'
import { BotCalls } from './bot-calls.ts'
import { botJob, botJobOf, startBotIntake } from './bot-intake.ts'
import { Bots } from './bots.ts'

const socketsPerHost = 8

/** Bots: their REST, the reading of what is said to them, and the calls. The scope owns the connections kept. */
export function startBots(
  platform: Platform,
  scope: Scope,
  { operations, chat, users }: { operations: Operations; chat: ChatService; users: UserDirectory },
): void {
  const { database, masterKey, http, jobs, outbox, webhooks, logger } = platform
  const bots = new Bots({ database, masterKey, users })
  const calls = scope.own('bot calls', new OutgoingCalls(webhooks.guard, { socketsPerHost }))
  const { history, sender } = chat
  const botCalls = new BotCalls({ database, bots, history, sender, calls, logger })
  jobs.define({
    name: botJob,
    schema: z.object({ userId: z.string() }),
    handle: async ({ userId }, { projectId, signal }) => {
      const pauseMs = await botCalls.deliverAll(projectId, userId, signal)
      if (pauseMs === undefined) return
      const runAt = new Date(Date.now() + pauseMs)
      await jobs.enqueue(database.system, botJobOf(projectId, userId, runAt))
    },
  })
  startBotIntake({ outbox, database, jobs })

  operations.forAll('conversation.list-commands', (actor, { conversationId }) =>
    bots.commands(actor, conversationId),
  )
  http.route(endpoints.setBot, ({ caller, params, body }) => bots.set(caller.projectId, params.userId, body))
  http.route(endpoints.listBots, ({ caller, query }) => bots.list(caller.projectId, query))
  http.route(endpoints.getBot, ({ caller, params }) => bots.get(caller.projectId, params.userId))
  http.route(endpoints.deleteBot, async ({ caller, params }) => {
    await bots.remove(caller.projectId, params.userId)
    return { done: true as const }
  })
  http.route(endpoints.rotateBotSecret, async ({ caller, params }) => ({
    secret: await bots.rotateSecret(caller.projectId, params.userId),
  }))
}
