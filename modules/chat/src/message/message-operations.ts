import type { Scope } from '@parley/core/kernel'
import type { Platform } from '@parley/core/platform'
import { OutgoingCalls } from '@parley/core/webhooks'
import { burnConsumer, Expiry, registerExpiry } from '../expiry/expiry.ts'
import { registerExtensions } from '../extension/extensions.ts'
import type { Operations } from '../operations.ts'
import { registerOverlays } from '../overlay/overlays.ts'
import { Packets, registerPackets } from '../packet/packets.ts'
import { registerPins } from '../pin/pins.ts'
import { registerPolls } from '../poll/polls.ts'
import { LinkPreviews } from '../preview/link-previews.ts'
import { registerReactions } from '../reaction/reactions.ts'
import { registerReaders } from '../receipt/readers.ts'
import { registerScheduled, ScheduledMessages } from '../scheduled/scheduled-messages.ts'
import { registerStreams, Streams } from '../stream/streams.ts'
import { registerThreads } from '../thread/threads.ts'
import { HttpTranslator } from '../translation/http-translator.ts'
import { registerTranslations, Translations } from '../translation/translations.ts'
import { registerEdits } from './edits.ts'
import { registerForward } from './forward.ts'
import type { MessageParts } from './message-parts.ts'

const eraseEveryMs = 1_000
const abandonedEveryMs = 5_000

/** Everything that can be done to a message and with it: both doors, jobs, consumers and sweeps. */
export function startMessageOperations(
  { jobs, ledger, outbox, webhooks }: Platform,
  operations: Operations,
  parts: MessageParts,
  scope: Scope,
): void {
  const { settings, ports } = parts
  const calls = scope.own('calls', new OutgoingCalls(webhooks.guard, { socketsPerHost: 2 }))

  registerReactions(operations, parts)
  registerPins(operations, parts)
  registerThreads(operations, parts)
  registerExtensions(operations, parts)
  registerOverlays(operations, parts)
  registerEdits(operations, parts)
  registerReaders(operations, parts)
  registerPolls(operations, parts)
  registerForward(operations, parts)
  registerScheduled(operations, new ScheduledMessages(parts, jobs))
  registerPackets(operations, new Packets(parts, jobs, ledger))
  if (settings.linkPreviews) new LinkPreviews(parts, jobs, calls)

  const { translatorUrl: url, translatorSecret: secret } = settings
  const translator =
    ports.translator ?? (url === undefined ? undefined : new HttpTranslator({ calls, url, secret }))
  registerTranslations(operations, new Translations(parts, translator))

  const streams = new Streams(parts)
  registerStreams(operations, streams)
  scope.every('end abandoned streams', abandonedEveryMs, () => streams.endAbandoned())

  const expiry = new Expiry(parts)
  registerExpiry(operations, expiry)
  outbox.consume(burnConsumer, {
    types: ['conversation.read'],
    batchSize: 1_000,
    handle: (events) => expiry.startTimers(events),
  })
  scope.every('erase what is due', eraseEveryMs, async () => {
    await expiry.eraseDue()
  })
}
