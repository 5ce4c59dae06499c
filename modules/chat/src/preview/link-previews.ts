import { AppError, type StoredContent } from '@parley/contracts'
import type { Jobs } from '@parley/core/jobs'
import type { Transaction } from '@parley/core/store'
import type { OutgoingCalls } from '@parley/core/webhooks'
import { z } from 'zod'
import type { EntryRow } from '../message/entry-row.ts'
import type { MessageParts } from '../message/message-parts.ts'
import { type LinkPreview, readPage } from './page-facts.ts'

const jobName = 'chat-link-preview'
const timeoutMs = 8_000
const maxPageBytes = 512 * 1024
const maxRedirects = 3
const link = /https?:\/\/[^\s<>"'`]+/i

/**
 * Adds to a text what the first page it links to says of itself: a durable job behind the send, through the guard of
 * outgoing calls at every hop; the result is an entry that changes the message (CHAT-69).
 */
export class LinkPreviews {
  readonly #parts: MessageParts
  readonly #jobs: Jobs
  readonly #calls: OutgoingCalls

  constructor(parts: MessageParts, jobs: Jobs, calls: OutgoingCalls) {
    this.#parts = parts
    this.#jobs = jobs
    this.#calls = calls
    parts.onAdmitted.push((content) => this.#onAdmitted(content))
    jobs.define({
      name: jobName,
      schema: z.object({ messageId: z.string(), url: z.string() }),
      maxAttempts: 3,
      handle: (job, { projectId, signal }) => this.#run(projectId, job, signal),
    })
  }

  #onAdmitted(content: StoredContent) {
    const url = linkIn(content)
    if (url === undefined) return undefined
    return async (tx: Transaction, { project_id: projectId, id: messageId }: EntryRow) => {
      await this.#jobs.enqueue(tx, { name: jobName, projectId, payload: { messageId, url } })
    }
  }

  async #run(
    projectId: string,
    { messageId, url }: { messageId: string; url: string },
    signal: AbortSignal,
  ): Promise<void> {
    const linkPreview = await fetchPreview(this.#calls, url, signal).catch(() => undefined)
    if (linkPreview === undefined) return
    try {
      await this.#parts.annotations.change(
        { projectId, userId: undefined },
        messageId,
        async (_tx, { message }) =>
          // An edit may have taken the link away.
          linkIn(message.content) === url ? { kind: 'link-previewed', facts: { linkPreview } } : undefined,
      )
    } catch (error) {
      if (error instanceof AppError && !error.retryable) return // Recalled or gone meanwhile.
      throw error
    }
  }
}

/** The first address in a text that a page may be at. */
export function linkIn(content: { type: string; text?: string }): string | undefined {
  if (content.type !== 'text' || content.text === undefined) return undefined
  const found = link.exec(content.text)?.[0]?.replace(/[.,;:!?)\]}'"]+$/, '')
  return found !== undefined && found.length <= 2_048 && URL.canParse(found) ? found : undefined
}

/** Throws what the guard or the network says; undefined for what is no page with a title. */
export async function fetchPreview(
  calls: OutgoingCalls,
  url: string,
  signal: AbortSignal,
): Promise<LinkPreview | undefined> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  let address = url
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const answer = await calls.get({
      url: address,
      headers: { accept: 'text/html', 'user-agent': 'Parley-Preview/1', 'accept-encoding': 'identity' },
      timeoutMs,
      maxAnswerBytes: maxPageBytes,
      signal: deadline,
    })
    const { location, 'content-type': contentType = '' } = answer.headers
    if (answer.status >= 300 && answer.status < 400 && location !== undefined) {
      const next = new URL(location, address)
      if (next.protocol !== 'https:' && next.protocol !== 'http:') return undefined
      address = next.href
      continue
    }
    if (answer.status !== 200 || !/^(text\/html|application\/xhtml\+xml)/i.test(contentType)) return undefined
    const preview = readPage(new TextDecoder(charsetOf(contentType)).decode(answer.body), address)
    return preview && { ...preview, url }
  }
  return undefined
}

function charsetOf(contentType: string): string {
  const named = /charset="?([\w-]+)/i.exec(contentType)?.[1] ?? 'utf-8'
  try {
    return new TextDecoder(named).encoding
  } catch {
    return 'utf-8'
  }
}
