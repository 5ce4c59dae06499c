import type { Room, RoomDataContent, RoomEvents, SendDataOptions } from '@parley/client'
import { useCallback, useState } from 'react'
import { useRoomEvent } from './use-room-facts.ts'

export type RoomDataOptions = Omit<SendDataOptions, 'topic'>

export interface RoomDataModel {
  /** The newest message of the topic; absent before the first. */
  last: RoomEvents['data'] | undefined
  /** As `room.sendData`, under the topic. Without a room it resolves and sends nothing. */
  send: (content: RoomDataContent, options?: RoomDataOptions) => Promise<number | undefined>
}

/** Messages of one topic in a room. `onData` gets each of them, rendering shows the newest. */
export function useRoomData(
  room: Room | undefined,
  topic: string,
  onData?: (message: RoomEvents['data']) => void,
): RoomDataModel {
  const [last, setLast] = useState<RoomEvents['data']>()
  useRoomEvent(room, 'data', (message) => {
    if (message.topic !== topic) return
    setLast(message)
    onData?.(message)
  })
  const send = useCallback(
    async (content: RoomDataContent, options: RoomDataOptions = {}) =>
      room?.sendData(content, { ...options, topic }),
    [room, topic],
  )
  return { last, send }
}
