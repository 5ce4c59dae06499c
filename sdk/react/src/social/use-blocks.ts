import type { Block } from '@parley/client'
import { blocksOf } from '@parley/client'
import { useCallback, useMemo } from 'react'
import { useParley } from '../parley-context.ts'
import { type Pages, usePages } from '../use-pages.ts'
import { useSocialEvent } from './use-social-event.ts'

export interface BlocksModel extends Pages<Block> {
  block: (userId: string) => Promise<void>
  unblock: (userId: string) => Promise<void>
}

/** Whom the user blocks, page by page, in step with the other devices. */
export function useBlocks(): BlocksModel {
  const { chat } = useParley()
  const blocks = useMemo(() => blocksOf(chat), [chat])
  const list = usePages(useCallback((page: { cursor?: string }) => blocks.list(page), [blocks]))
  useSocialEvent(({ type }) => {
    if (type === 'block.changed') void list.refresh()
  })
  return {
    ...list,
    block: async (userId) => {
      await blocks.add(userId)
      await list.refresh()
    },
    unblock: async (userId) => {
      await blocks.remove(userId)
      await list.refresh()
    },
  }
}
