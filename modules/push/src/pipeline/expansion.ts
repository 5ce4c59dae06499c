import type { Message } from '@parley/contracts'
import type { Logger } from '@parley/core/kernel'
import type { Database, ProjectScope } from '@parley/core/store'
import type { PushSettings } from '../config.ts'
import type { PushPorts } from '../ports.ts'
import { type SuppressionReason, whySuppressed } from '../preference/decision.ts'
import type { Preference, PreferenceStore } from '../preference/preference-store.ts'
import { builtInTemplate, hiddenTemplate, type Languages } from '../template/built-in.ts'
import { isPushed, type Mentions, mentionsOf, textOf } from '../template/message-text.ts'
import { inLanguage, render, type Variables } from '../template/render.ts'
import type { TemplateStore } from '../template/template-store.ts'
import type { DeliveryStore, DueDevice, NewDelivery } from './delivery-store.ts'
import type { Run, RunStore } from './run-store.ts'

export interface ExpansionOptions {
  database: Database
  settings: PushSettings
  ports: PushPorts
  runs: RunStore
  deliveries: DeliveryStore
  preferences: PreferenceStore
  templates: TemplateStore
  logger: Logger
  /** Deliveries wait. */
  onAdded: () => void
}

/** A message with all that its pushes need. */
interface Subject {
  project: ProjectScope
  message: Message
  mentions: Mentions
  large: boolean
  texts: Languages
  variables: Variables
  expiresAtMs: number
}

const pageSize = 500
const entriesAtOnce = 50
const longestPauseMs = 60_000

/**
 * Turns a run of entries into deliveries, a page of its audience at a time. Each page is one transaction with the
 * place it ends at, so that a run that is taken up again goes on where it was.
 */
export class Expansion {
  readonly #options: ExpansionOptions

  constructor(options: ExpansionOptions) {
    this.#options = options
  }

  async run(run: Run, signal: AbortSignal): Promise<void> {
    try {
      await this.#expand(run, signal)
    } catch (error) {
      if (signal.aborted) return await this.#options.runs.postpone(run, 0)
      const pauseMs = Math.min(longestPauseMs, 200 * 2 ** Math.min(20, run.attempt - 1))
      this.#options.logger.warn(
        { error, conversation: run.conversationId, pauseMs },
        'a run was not expanded',
      )
      await this.#options.runs.postpone(run, pauseMs)
    }
  }

  async #expand(run: Run, signal: AbortSignal): Promise<void> {
    const { ports, runs, database } = this.#options
    const { projectId, conversationId } = run
    let afterUserId = run.afterUserId
    for (let seq = run.atSeq; seq <= run.toSeq; ) {
      const upTo = Math.min(run.toSeq, seq + entriesAtOnce - 1)
      const entries = await ports.conversations.entries(projectId, conversationId, seq, upTo)
      for (const entry of entries) {
        const subject = isPushed(entry) ? await this.#subjectOf(run, entry) : undefined
        if (subject !== undefined && !(await this.#tell(run, subject, afterUserId, signal))) return
        afterUserId = ''
      }
      seq = upTo + 1
    }
    await runs.finish(database.system, run)
  }

  /** False when the run belongs to another process now. */
  async #tell(run: Run, subject: Subject, from: string, signal: AbortSignal): Promise<boolean> {
    const { runs, deliveries, onAdded } = this.#options
    let afterUserId = from
    for (;;) {
      signal.throwIfAborted()
      const { userIds, next } = await this.#page(run, subject, afterUserId)
      const made = await this.#decide(subject, userIds)
      const place = next === undefined ? { seq: subject.message.seq + 1, user: '' } : undefined
      const kept = await subject.project.transaction(async (tx) => {
        await deliveries.add(tx, run.projectId, made)
        return runs.advance(tx, run, place?.seq ?? subject.message.seq, place?.user ?? next ?? '')
      })
      if (made.some(({ suppressed }) => suppressed === undefined)) onAdded()
      if (!kept) return false
      if (next === undefined) return true
      afterUserId = next
    }
  }

  /** The next of those who may be pushed to, and where the page after it begins. */
  async #page(
    { projectId, conversationId }: Run,
    { project, message, mentions, large }: Subject,
    afterUserId: string,
  ): Promise<{ userIds: string[]; next?: string }> {
    const { ports, preferences } = this.#options
    const page = { afterUserId, limit: pageSize }
    if (!large || mentions.all) {
      const userIds = await ports.conversations.audience(projectId, conversationId, message.seq, page)
      return withNext(userIds, userIds)
    }
    const asked = await preferences.askedForAll(project, projectId, conversationId, page)
    const named = afterUserId === '' ? [...new Set([...asked, ...mentions.userIds])] : asked
    const among = await ports.conversations.audienceAmong(projectId, conversationId, message.seq, named)
    return withNext(among, asked)
  }

  async #decide(subject: Subject, userIds: readonly string[]): Promise<NewDelivery[]> {
    const { deliveries, preferences, ports } = this.#options
    const { project, message, mentions } = subject
    const { projectId } = project
    const others = userIds.filter((userId) => userId !== message.senderId)
    const devices = await deliveries.devicesOf(project, projectId, others)
    const reachable = [...new Set(devices.map((device) => device.userId))]
    if (reachable.length === 0) return []
    const { conversationId, seq } = message
    const [wishes, blocking, taken] = await Promise.all([
      preferences.read(project, projectId, reachable, conversationId),
      ports.blocks.whoBlocks(project, message.senderId, reachable),
      ports.deliveries.taken({ projectId, conversationId, seq, userIds: reachable }),
    ])
    const at = new Date()
    const base = { sourceId: message.id, conversationId, seq, expiresAtMs: subject.expiresAtMs }
    const made: NewDelivery[] = []
    const reasons = new Map<string, SuppressionReason | undefined>()
    for (const userId of reachable) {
      const wish = wishes.get(userId)
      const mentioned = mentions.all || mentions.userIds.has(userId)
      const why = taken.has(userId)
        ? 'online-took'
        : blocking.has(userId)
          ? 'blocked'
          : wish && whySuppressed(wish, { mentioned, at })
      reasons.set(userId, why)
      if (why !== undefined) made.push({ ...base, userId, suppressed: why })
    }
    for (const device of devices) {
      if (reasons.get(device.userId) !== undefined) continue
      const { userId, deviceId, provider } = device
      const notification = this.#notificationFor(subject, device, wishes.get(userId))
      made.push({ ...base, userId, deviceId, provider, notification })
    }
    return made
  }

  #notificationFor({ message, texts, variables }: Subject, device: DueDevice, wish: Preference | undefined) {
    const languages = wish?.showContent === false ? hiddenTemplate : texts
    const { conversationId, id, seq } = message
    return {
      ...render(inLanguage(languages, device.language), variables),
      data: { conversationId, messageId: id, seq: String(seq) },
      collapseId: conversationId.slice(0, 64),
    }
  }

  /** Undefined when it is too late for the message, or the conversation is gone. */
  async #subjectOf(run: Run, message: Message): Promise<Subject | undefined> {
    const { database, ports, templates, settings } = this.#options
    const expiresAtMs = Date.parse(message.createdAt) + settings.ttlMs
    if (expiresAtMs <= Date.now()) return undefined
    const project = database.project(run.projectId)
    const described = await ports.conversations.describe(run.projectId, run.conversationId)
    if (described === undefined) return undefined
    const names = await ports.users.names(project, [message.senderId])
    const senderName = names.get(message.senderId) ?? message.senderId
    const { type } = message.content
    const inGroup = described.type !== 'direct'
    const wanted = [...(inGroup ? [`message.${type}.group`] : []), `message.${type}`, 'message']
    const texts = (await templates.first(project, run.projectId, wanted)) ?? builtInTemplate(type, inGroup)
    const variables = {
      'sender.name': senderName,
      'sender.id': message.senderId,
      'conversation.name': described.name ?? senderName,
      'message.text': textOf(message.content),
      'message.type': type,
    }
    const large = described.memberCount >= settings.largeFrom
    return { project, message, mentions: mentionsOf(message.content), large, texts, variables, expiresAtMs }
  }
}

function withNext(userIds: string[], paged: readonly string[]): { userIds: string[]; next?: string } {
  const last = paged.at(-1)
  return paged.length < pageSize || last === undefined ? { userIds } : { userIds, next: last }
}
