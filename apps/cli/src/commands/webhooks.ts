import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CloudEvent, type Webhook, webhookEndpoints } from '@parley/contracts'
import { verifyWebhook } from '@parley/protocols/standard-webhooks'
import { ProtocolViolation } from '@parley/protocols/violation'
import { ApiClient } from '../api-client.ts'
import { CliError, usageError } from '../cli-error.ts'
import { type Command, type CommandContext, type CommandOutcome, textOption } from '../command.ts'
import { type Terminal, table } from '../terminal.ts'

const description = 'parley webhooks listen'
const maxBodyBytes = 4 * 1024 * 1024

export const webhooksCommand: Command = {
  name: 'webhooks',
  summary: 'List webhooks, or print what they would tell',
  usage: [
    'parley webhooks list',
    'parley webhooks listen',
    'parley webhooks listen --events message.*,conversation.changed --count 1',
  ],
  options: {
    events: { type: 'string', value: 'names', doc: 'Events to listen for, separated by commas; default all' },
    count: { type: 'string', value: 'number', doc: 'End after so many events; default at Ctrl-C' },
  },
  async run(context) {
    const [action, ...rest] = context.positionals
    const api = new ApiClient(context.installation)
    if (rest.length > 0) throw usageError('Too many words', 'webhooks')
    if (action === 'list') return list(api)
    if (action === 'listen') return listen(api, context)
    throw usageError('Say `list` or `listen`', 'webhooks')
  },
}

async function list(api: ApiClient): Promise<CommandOutcome> {
  const items = await allWebhooks(api)
  const rows = items.map((one) => [one.id, stateOf(one), one.events.join(','), one.url])
  return { json: { items }, text: table([['WEBHOOK', 'STATE', 'EVENTS', 'URL'], ...rows]) }
}

function stateOf({ enabled, disabledReason }: Webhook): string {
  return enabled ? 'live' : (disabledReason ?? 'disabled')
}

async function allWebhooks(api: ApiClient): Promise<Webhook[]> {
  const items: Webhook[] = []
  let cursor: string | undefined
  do {
    const page = await api.call(webhookEndpoints.listWebhooks, 'key', { query: { limit: 200, cursor } })
    items.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return items
}

/** Takes events on a free port of loopback, as a webhook that lives as long as this command. */
async function listen(api: ApiClient, context: CommandContext): Promise<CommandOutcome> {
  const wanted = countOf(context)
  const receiver = new LocalReceiver(context.terminal, context.options.json === true, wanted)
  const url = await receiver.open()
  const stop = (): void => receiver.stop()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  try {
    const events = (textOption(context, 'events') ?? '*').split(',').map((name) => name.trim())
    const made = await api.call(webhookEndpoints.createWebhook, 'key', { body: { url, events, description } })
    receiver.secret = made.secret
    try {
      context.terminal.note(`${made.id} listens on ${url}; Ctrl-C ends it`)
      await receiver.ended
    } finally {
      await api.call(webhookEndpoints.deleteWebhook, 'key', { params: { webhookId: made.id } })
    }
  } catch (error) {
    if (!(error instanceof CliError) || !error.message.includes('not public')) throw error
    throw new CliError(error.message, {
      code: 'invalid-request',
      hint: 'Production servers reach no loopback: set PARLEY_WEBHOOKS_ALLOW=127.0.0.1 there while you try',
    })
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
    await receiver.close()
  }
  return { json: { items: receiver.events }, text: '' }
}

function countOf(context: CommandContext): number {
  const text = textOption(context, 'count')
  if (text === undefined) return Number.POSITIVE_INFINITY
  if (!/^[1-9]\d{0,8}$/.test(text)) throw usageError('--count takes a number from 1', 'webhooks')
  return Number(text)
}

/** A receiver that verifies, prints and answers 204. What does not verify is refused and said. */
class LocalReceiver {
  secret = ''
  readonly events: CloudEvent[] = []
  readonly ended: Promise<void>
  readonly #terminal: Terminal
  readonly #json: boolean
  readonly #wanted: number
  readonly #server: Server
  #end: () => void = () => undefined

  constructor(terminal: Terminal, json: boolean, wanted: number) {
    this.#terminal = terminal
    this.#json = json
    this.#wanted = wanted
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    this.#server = createServer((incoming, response) => this.#take(incoming, response))
  }

  async open(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(0, '127.0.0.1', resolve)
    })
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
  }

  stop(): void {
    this.#end()
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  #take(incoming: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    let length = 0
    incoming.on('error', () => response.destroy())
    incoming.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > maxBodyBytes) incoming.destroy()
      else chunks.push(chunk)
    })
    incoming.on('end', () => {
      const status = this.#accept(Buffer.concat(chunks), incoming)
      response.writeHead(status).end(() => {
        if (this.events.length >= this.#wanted) this.stop()
      })
    })
  }

  #accept(body: Buffer, incoming: IncomingMessage): number {
    if (this.events.length >= this.#wanted) return 503
    try {
      const headers = incoming.headers as Record<string, string | undefined>
      verifyWebhook(body, headers, { secrets: [this.secret], nowMs: Date.now() })
      this.#print(JSON.parse(body.toString()) as CloudEvent)
      return 204
    } catch (error) {
      if (
        !(error instanceof ProtocolViolation || error instanceof RangeError || error instanceof SyntaxError)
      )
        throw error
      this.#terminal.note(`${this.#terminal.paint('red', 'refused')} a request: ${error.message}`)
      return 401
    }
  }

  /** One that comes again is printed once. */
  #print(event: CloudEvent): void {
    if (this.events.some(({ id }) => id === event.id)) return
    this.events.push(event)
    if (this.events.length > 10_000) this.events.shift()
    if (this.#json) return
    const { paint } = this.#terminal
    const head = `${paint('dim', event.time)} ${paint('bold', event.type)} ${event.subject ?? ''}`
    this.#terminal.out(`${head} ${paint('green', 'verified')} ${paint('dim', event.id)}`)
    this.#terminal.out(JSON.stringify(event.data, null, 2).replace(/^/gm, '  '))
  }
}
