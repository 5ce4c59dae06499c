import type { JoinOptions, ParleyError, Room } from '@parley/client'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useParley } from '../parley-context.ts'

export type RoomModel =
  | { status: 'idle' | 'joining'; room: undefined; error: undefined; leave: () => void }
  | { status: 'joined'; room: Room; error: undefined; leave: () => void }
  | { status: 'failed'; room: undefined; error: ParleyError; leave: () => void }

type Outcome = { room: Room } | { error: ParleyError }

/**
 * Joins the room while the component is mounted and leaves with it. Without an id nothing is joined. Options
 * count at the moment of joining. A room that was closed stays in the model, so that its reason can be shown.
 */
export function useRoom(roomId: string | undefined, options: JoinOptions = {}): RoomModel {
  const parley = useParley()
  const [outcome, setOutcome] = useState<Outcome>()
  const newest = useRef(options)
  useEffect(() => {
    newest.current = options
  })
  useEffect(() => {
    if (roomId === undefined) return
    const giveUp = new AbortController()
    parley.rtc.join(roomId, { ...newest.current, signal: giveUp.signal }).then(
      (room) => {
        if (giveUp.signal.aborted) void room.leave()
        else setOutcome({ room })
      },
      (error: unknown) => {
        if (!giveUp.signal.aborted) setOutcome({ error: error as ParleyError })
      },
    )
    return () => {
      giveUp.abort()
      void parley.rtc.rooms.get(roomId)?.leave()
      setOutcome(undefined)
    }
  }, [parley, roomId])
  const room = outcome && 'room' in outcome ? outcome.room : undefined
  const leave = useCallback(() => void room?.leave(), [room])
  if (outcome && 'error' in outcome) return { status: 'failed', room: undefined, error: outcome.error, leave }
  if (room) return { status: 'joined', room, error: undefined, leave }
  return { status: roomId === undefined ? 'idle' : 'joining', room: undefined, error: undefined, leave }
}
