import type { Participant, Room, RoomEvents, RoomState } from '@parley/client'
import { useCallback, useEffect, useRef, useSyncExternalStore } from 'react'

/** Renders again with every change in the room; what is read from it is always current. */
export function useRoomRevision(room: Room | undefined): number {
  const subscribe = useCallback(
    (changed: () => void) => room?.on('changed', changed) ?? (() => undefined),
    [room],
  )
  return useSyncExternalStore(subscribe, () => room?.revision ?? 0)
}

/** This client first, then the others in the order they joined. */
export function useParticipants(room: Room | undefined): Participant[] {
  useRoomRevision(room)
  return room ? [room.local, ...room.participants.values()] : []
}

/** Who speaks now, loudest first. */
export function useSpeakers(room: Room | undefined): readonly Participant[] {
  useRoomRevision(room)
  return room?.speakers ?? []
}

export function useRoomState(room: Room | undefined): RoomState | undefined {
  useRoomRevision(room)
  return room?.state
}

/** Listens while mounted; the newest listener is called. */
export function useRoomEvent<Type extends keyof RoomEvents>(
  room: Room | undefined,
  type: Type,
  listener: (event: RoomEvents[Type]) => void,
): void {
  const newest = useRef(listener)
  useEffect(() => {
    newest.current = listener
  })
  useEffect(() => room?.on(type, (event) => newest.current(event)), [room, type])
}
