import type { BotCommand, Conversation } from '@parley/client'
import { listCommands } from '@parley/client'
import { useEffect, useMemo, useState } from 'react'

export type OfferedCommand = BotCommand & { botId: string }

/**
 * Commands of the bots in a conversation whose names begin with what was written after the `/`; asked for with the first.
 * Undefined `typed`: no command is being written.
 */
export function useCommands(
  conversation: Conversation,
  typed: string | undefined,
): readonly OfferedCommand[] {
  const [commands, setCommands] = useState<readonly OfferedCommand[]>()
  const wanted = typed !== undefined && conversation.view !== undefined
  useEffect(() => {
    if (!wanted || commands) return
    listCommands(conversation).then(
      ({ items }) => setCommands(items),
      () => undefined, // Asked again with the next command.
    )
  }, [conversation, wanted, commands])
  return useMemo(
    () => (typed === undefined ? [] : (commands ?? []).filter(({ name }) => name.startsWith(typed))),
    [typed, commands],
  )
}

/** The command that is being written: what stands between a `/` at the beginning and the caret. */
export function commandBefore(text: string, caret: number): string | undefined {
  return /^\/([\p{L}\p{N}_-]*)$/u.exec(text.slice(0, caret))?.[1]
}
