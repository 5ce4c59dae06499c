import { AppError, type Message } from '@parley/contracts'
import type { MessageParts } from '../message/message-parts.ts'
import type { Actor } from '../message/target.ts'
import type { Operations } from '../operations.ts'
import type { Translator } from '../ports.ts'

export interface Translation {
  language: string
  text: string
  detectedLanguage?: string
}

/** Texts of messages in other languages: asked for once a message and language, and again after an edit (CHAT-65). */
export class Translations {
  readonly #parts: MessageParts
  readonly #translator: Translator | undefined

  constructor(parts: MessageParts, translator: Translator | undefined) {
    this.#parts = parts
    this.#translator = translator
  }

  async translate({ projectId, userId }: Actor, messageId: string, language: string): Promise<Translation> {
    const message = await this.#parts.history.get(projectId, messageId, userId)
    if (message.recalledAt !== undefined) throw new AppError('message-recalled')
    const text = textOf(message)
    if (text === undefined) throw new AppError('conflict', 'The message has no text to translate')
    const project = this.#parts.database.project(projectId)
    const editedAt = message.editedAt ?? null
    const { rows } = await project.query<{ translated: string; detected_language: string | null }>({
      text: `select translated, detected_language from chat.translations
        where project_id = $1 and message_id = $2 and language = $3 and edited_at is not distinct from $4`,
      values: [projectId, messageId, language, editedAt],
    })
    const [known] = rows
    if (known !== undefined) {
      const { translated, detected_language: detectedLanguage } = known
      return { language, text: translated, ...(detectedLanguage !== null && { detectedLanguage }) }
    }
    if (this.#translator === undefined)
      throw new AppError('not-implemented', 'PARLEY_CHAT_TRANSLATOR_URL names no translator')
    const made = await this.#translator.translate({ projectId, text, to: language })
    // Not after a recall that came meanwhile: what it said is gone for good.
    await project.query({
      text: `insert into chat.translations (project_id, message_id, language, edited_at, translated,
          detected_language)
        select $1, $2, $3, $4, $5, $6 from chat.entries
        where project_id = $1 and id = $2 and recalled_at is null
        for share
        on conflict (project_id, message_id, language) do update
        set edited_at = excluded.edited_at, translated = excluded.translated,
          detected_language = excluded.detected_language`,
      values: [projectId, messageId, language, editedAt, made.text, made.detectedLanguage ?? null],
    })
    return { language, ...made }
  }
}

export function registerTranslations(operations: Operations, translations: Translations): void {
  operations.forAll('message.translate', (actor, { messageId, language }) =>
    translations.translate(actor, messageId, language),
  )
}

function textOf({ content }: Message): string | undefined {
  switch (content.type) {
    case 'text':
      return content.text
    case 'image':
    case 'file':
    case 'video':
      return content.caption || undefined
    case 'stream':
      return content.state === 'open' || content.text === '' ? undefined : content.text
    default:
      return undefined
  }
}
