import type { Participant, Room } from '@parley/client'
import { useParticipants, useSpeakers } from '@parley/react'
import { useLayoutEffect, useRef, useState } from 'react'
import { arrange, pageSize } from './grid-layout.ts'

export interface Tiles {
  shown: Participant[]
  page: number
  pages: number
  setPage: (page: number) => void
}

/** The participants of the page in view, in an order that does not jump. */
export function useTiles(room: Room, width: number): Tiles {
  const participants = useParticipants(room)
  const [speaker] = useSpeakers(room)
  const [wanted, setPage] = useState(0)
  const order = useRef<readonly string[]>([])
  const lastSpokeMs = useRef(new Map<string, number>())
  const size = pageSize(participants.length, width)
  const speakerId = speaker?.id
  // The viewer is called by role: the id changes with a new place in the room.
  const idOf = (participant: Participant) => (participant.isLocal ? 'me' : participant.id)
  const next = arrange(
    order.current,
    participants.map(idOf),
    lastSpokeMs.current,
    speaker && idOf(speaker),
    size,
  )
  useLayoutEffect(() => {
    order.current = next
    if (speakerId !== undefined) lastSpokeMs.current.set(speakerId, performance.now())
  })
  const byId = new Map(participants.map((participant) => [idOf(participant), participant]))
  const pages = Math.max(1, Math.ceil(next.length / size))
  const page = Math.min(wanted, pages - 1)
  const shown = next.slice(page * size, (page + 1) * size).flatMap((id) => byId.get(id) ?? [])
  return { shown, page, pages, setPage }
}
