import { z } from 'zod'
import { messageContent } from './chat-content.ts'
import { conversationType } from './chat-conversations.ts'
import { message } from './chat-entries.ts'
import { byConversation } from './chat-parameters.ts'
import { endpoint } from './endpoint.ts'
import { customId, text } from './ids.ts'
import { operation } from './operation.ts'
import { done, pageOf, pageQuery, timestamp } from './pagination.ts'

export const maxBots = 100
export const maxBotCommands = 50
export const maxBotReplies = 5

export const botCommand = z
  .object({
    name: z.string().regex(/^[\p{L}\p{N}_-]{1,32}$/u, 'must be 1-32 letters, digits, - or _'),
    description: text(256).optional(),
  })
  .meta({ id: 'BotCommand' })
export type BotCommand = z.infer<typeof botCommand>

export const bot = z
  .object({
    userId: customId,
    url: z.string(),
    commands: z.array(botCommand),
    enabled: z.boolean(),
    waiting: z.int().meta({ description: 'Messages that wait to be delivered' }),
    failed: z.int().meta({ description: 'Messages that were given up' }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Bot' })
export type Bot = z.infer<typeof bot>

/** What a bot is told, as the data of a CloudEvent of type `bot.message-received`. */
export const botMessage = z
  .object({
    botId: customId,
    conversation: z.object({ id: z.string(), type: conversationType, name: z.string().optional() }),
    message,
    command: z
      .object({ name: z.string(), argument: z.string() })
      .optional()
      .meta({ description: 'Of a text that begins with / and the name of one of its commands' }),
  })
  .meta({ id: 'BotMessage' })
export type BotMessage = z.infer<typeof botMessage>

/** What a bot may answer: messages it sends to where it was spoken to. An empty answer says nothing. */
export const botAnswer = z
  .object({ replies: z.array(messageContent).max(maxBotReplies).optional() })
  .meta({ id: 'BotAnswer' })
export type BotAnswer = z.infer<typeof botAnswer>

const byBot = z.object({ userId: customId })
const common = { tag: 'bots' } as const

export const botOperations = {
  'conversation.list-commands': operation({
    ...common,
    name: 'listCommands',
    method: 'GET',
    right: 'read',
    path: '/v1/conversations/{conversationId}/commands',
    summary: 'Commands of the bots in a conversation',
    params: byConversation.shape,
    input: {},
    status: 200,
    answer: z.object({ items: z.array(botCommand.extend({ botId: customId })) }),
    errors: ['conversation-not-found', 'not-a-member'],
  }),
} as const

export const botEndpoints = {
  setBot: endpoint({
    ...common,
    name: 'setBot',
    method: 'PUT',
    path: '/v1/bots/{userId}',
    auth: 'key',
    summary: 'Make a user a bot, or change it; the secret is shown when it is made',
    params: byBot,
    body: z.object({
      url: z.url({ protocol: /^https?$/ }).max(2048),
      commands: z.array(botCommand).max(maxBotCommands).default([]),
      enabled: z.boolean().default(true),
    }),
    status: 200,
    answer: z.object({ bot, secret: z.string().optional() }),
    errors: ['user-not-found', 'limit-exceeded'],
  }),
  listBots: endpoint({
    ...common,
    name: 'listBots',
    method: 'GET',
    path: '/v1/bots',
    auth: 'key',
    summary: 'Bots of the project, by user id',
    query: pageQuery,
    status: 200,
    answer: pageOf(bot),
    errors: ['invalid-cursor'],
  }),
  getBot: endpoint({
    ...common,
    name: 'getBot',
    method: 'GET',
    path: '/v1/bots/{userId}',
    auth: 'key',
    summary: 'One bot',
    params: byBot,
    status: 200,
    answer: bot,
    errors: ['not-found'],
  }),
  deleteBot: endpoint({
    ...common,
    name: 'deleteBot',
    method: 'DELETE',
    path: '/v1/bots/{userId}',
    auth: 'key',
    summary: 'The user is no bot any more; what waited for it is dropped',
    params: byBot,
    status: 200,
    answer: done,
    errors: ['not-found'],
  }),
  rotateBotSecret: endpoint({
    ...common,
    name: 'rotateBotSecret',
    method: 'POST',
    path: '/v1/bots/{userId}/rotate-secret',
    auth: 'key',
    summary: 'Sign with a new secret from now on',
    params: byBot,
    status: 200,
    answer: z.object({ secret: z.string() }),
    errors: ['not-found'],
  }),
} as const
