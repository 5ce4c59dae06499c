import { AppError, newId } from '@parley/contracts'
import { ForbiddenPlaceError, type OutgoingCalls } from '@parley/core/webhooks'
import { signWebhook } from '@parley/protocols/standard-webhooks'
import { z } from 'zod'
import type { Translator } from '../ports.ts'

const answerSchema = z.object({
  text: z.string().max(100_000),
  detectedLanguage: z.string().max(35).optional(),
})
const timeoutMs = 15_000

/** A translator behind an address: a POST of `{text, to}`, signed as Standard Webhooks says. */
export class HttpTranslator implements Translator {
  readonly #calls: OutgoingCalls
  readonly #url: string
  readonly #secret: string | undefined

  constructor(options: { calls: OutgoingCalls; url: string; secret: string | undefined }) {
    this.#calls = options.calls
    this.#url = options.url
    this.#secret = options.secret
  }

  /** Throws `unavailable` when no valid answer comes. */
  async translate({ text, to }: { text: string; to: string }) {
    const body = JSON.stringify({ text, to })
    const signature =
      this.#secret === undefined
        ? {}
        : signWebhook(body, { id: newId('event'), nowMs: Date.now(), secrets: [this.#secret] })
    try {
      const answer = await this.#calls.post({
        url: this.#url,
        headers: { ...signature, 'content-type': 'application/json', accept: 'application/json' },
        body,
        timeoutMs,
        maxAnswerBytes: 512 * 1024,
      })
      if (answer.status !== 200 || !answer.complete) throw new Error(`it answered ${answer.status}`)
      const { text: translated, detectedLanguage } = answerSchema.parse(JSON.parse(answer.body.toString()))
      return { text: translated, ...(detectedLanguage !== undefined && { detectedLanguage }) }
    } catch (error) {
      if (error instanceof ForbiddenPlaceError)
        throw new AppError('not-implemented', 'The translator is at a place that may not be called')
      throw new AppError('unavailable', 'The translator gave no valid answer', { cause: error })
    }
  }
}
