import { AppError, type Message, maxExtensionKeys } from '@parley/contracts'
import type { MessageParts } from '../message/message-parts.ts'
import type { Actor } from '../message/target.ts'
import type { Operations } from '../operations.ts'

const maxBytes = 16 * 1024

interface ExtensionChange {
  set?: { key: string; value: string; version?: number | undefined }[] | undefined
  remove?: string[] | undefined
}

/**
 * Sets and removes keys on a message. A key's version counts its changes from 1; a change that names another version
 * than the present one is `version-mismatch` and changes nothing (CHAT-59).
 */
export function extend(
  { annotations }: MessageParts,
  actor: Actor,
  messageId: string,
  { set = [], remove = [] }: ExtensionChange,
): Promise<Message> {
  return annotations.change(actor, messageId, async (_tx, { message }) => {
    const extension = new Map(Object.entries(message.facts?.extension ?? {}))
    let changed = false
    for (const { key, value, version } of set) {
      const known = extension.get(key)
      const present = known?.version ?? 0
      if (version !== undefined && version !== present)
        throw new AppError('version-mismatch', `${JSON.stringify(key)} is at version ${present}`)
      if (known?.value === value) continue
      extension.set(key, { value, version: present + 1, userId: actor.userId ?? '' })
      changed = true
    }
    for (const key of remove) changed = extension.delete(key) || changed
    if (!changed) return undefined
    if (extension.size > maxExtensionKeys)
      throw new AppError('limit-exceeded', `A message holds at most ${maxExtensionKeys} keys`)
    const merged = Object.fromEntries(extension)
    if (JSON.stringify(merged).length > maxBytes)
      throw new AppError('limit-exceeded', `The keys of a message hold at most ${maxBytes} bytes`)
    return { kind: 'extended', facts: { extension: extension.size > 0 ? merged : null } }
  })
}

export function registerExtensions(operations: Operations, parts: MessageParts): void {
  operations.forAll('message.extend', (actor, { messageId, ...change }) =>
    extend(parts, actor, messageId, change),
  )
}
