import { createHash, randomUUID } from 'node:crypto'
import { BlockList, isIP } from 'node:net'
import { AppError, cardServerEndpoints, hookPost } from '@parley/contracts'
import {
  addressGroup,
  fieldIssues,
  type HttpServer,
  parseJson,
  type RawContext,
  readBody,
} from '@parley/core/http'
import { TokenBuckets } from '@parley/core/limits'
import { verifyWebhook } from '@parley/protocols/standard-webhooks'
import { ProtocolViolation } from '@parley/protocols/violation'
import { signatureWindowMs } from '../config.ts'
import type { Messages } from '../ports.ts'
import { contentOfPost, holdsKeyword } from './hook-content.ts'
import type { OpenBot, WebhookBots } from './webhook-bots.ts'

const maxPostBytes = 128 * 1024
const maxDepth = 16
/** Addresses that guess tokens are slowed down. */
const guesses = { capacity: 60, refillPerSecond: 1, maxKeys: 50_000 }

/** Takes posts to the secret addresses of webhook bots: the bytes are read as they came, as a signature covers them. */
export function addIncoming(
  http: HttpServer,
  { bots, messages }: { bots: WebhookBots; messages: Messages },
): void {
  const endpoint = cardServerEndpoints.postToWebhookBot
  const failures = new TokenBuckets(guesses)
  http.document(endpoint)
  http.raw('POST', endpoint.path.replace('{token}', ':token'), async (c) => {
    const { incoming, remoteAddress } = c.env
    if (!/^application\/json\s*(;|$)/i.test(incoming.headers['content-type'] ?? ''))
      throw new AppError('unsupported-media-type', 'The body must be application/json in UTF-8')
    const group = addressGroup(remoteAddress)
    const guess = failures.peek(group)
    if (!guess.ok) throw new AppError('rate-limited', undefined, { retryAfterMs: guess.retryAfterMs })
    const target = await bots.byToken(c.req.param('token') ?? '').catch((error: unknown) => {
      failures.take(group)
      throw error
    })
    const body = await readBody(incoming, maxPostBytes)
    admit(target, c, body)
    const post = hookPost.safeParse(parseJson(body, { maxDepth }))
    if (!post.success) throw new AppError('invalid-request', undefined, { issues: fieldIssues(post.error) })
    if (!holdsKeyword(post.data, target.bot.keywords))
      throw new AppError('forbidden', 'The post holds none of the keywords of the bot')
    await bots.takePost(target)
    const { projectId, bot } = target
    const { messageId } = await messages.send({
      ...{ projectId, senderId: bot.userId, conversationId: bot.conversationId },
      clientMessageId: clientMessageIdOf(bot.id, incoming.headers['webhook-id']),
      content: contentOfPost(post.data),
    })
    return c.json({ messageId }, 201)
  })
}

/** Who may post: from where, and with which signature. */
function admit({ bot, secret }: OpenBot, c: RawContext, body: Buffer): void {
  if (!bot.enabled) throw new AppError('forbidden', 'The bot is switched off')
  if (!isAllowed(bot.allowAddresses, c.env.remoteAddress))
    throw new AppError('forbidden', 'The bot takes no posts from this address')
  if (!bot.requireSignature) return
  const headers = c.env.incoming.headers as Record<string, string | undefined>
  try {
    verifyWebhook(body, headers, { secrets: [secret], nowMs: Date.now(), toleranceMs: signatureWindowMs })
  } catch (cause) {
    if (!(cause instanceof ProtocolViolation)) throw cause
    throw new AppError('forbidden', `The signature does not fit: ${cause.message}`, { cause })
  }
}

function isAllowed(allowed: readonly string[], address: string): boolean {
  if (allowed.length === 0) return true
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  const list = new BlockList()
  for (const entry of allowed) {
    const [network = '', prefix] = entry.split('/')
    const family = isIP(network) === 4 ? 'ipv4' : 'ipv6'
    list.addSubnet(network, prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix), family)
  }
  const family = isIP(plain)
  return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6')
}

/** A post that comes again, replayed or retried, has the id of the first and is stored once. */
function clientMessageIdOf(botId: string, webhookId: string | string[] | undefined): string {
  if (typeof webhookId !== 'string' || webhookId === '') return `hook-${randomUUID()}`
  return `hook-${createHash('sha256').update(`${botId}\n${webhookId}`).digest('hex').slice(0, 40)}`
}
