import type { Room, RoomStatistics } from '@parley/client'
import { useEffect, useState } from 'react'
import { useRoomEvent } from './use-room-facts.ts'

const none: readonly RoomStatistics[] = []

/** What the room measured each 2 s, oldest first: the last `keep` of them, two minutes when absent. */
export function useRoomStatistics(room: Room | undefined, keep = 60): readonly RoomStatistics[] {
  const [history, setHistory] = useState(none)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another room begins with nothing.
  useEffect(() => setHistory(none), [room])
  useRoomEvent(room, 'statistics', (statistics) =>
    setHistory((before) => [...before.slice(1 - keep), statistics]),
  )
  return history
}
