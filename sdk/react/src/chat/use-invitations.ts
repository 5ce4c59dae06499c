import type { Invitation, JoinRequest } from '@parley/client'
import { acceptInvitation, declineInvitation, listInvitations, withdrawJoinRequest } from '@parley/client'
import { useCallback, useEffect, useState } from 'react'
import { useParley } from '../parley-context.ts'

export interface InvitationsModel {
  /** Open invitations to the user. */
  invitations: readonly Invitation[]
  accept: (id: string) => Promise<void>
  decline: (id: string) => Promise<void>
  /** Own requests to join that this client has made and nobody has decided. */
  requests: readonly JoinRequest[]
  requested: (request: JoinRequest) => void
  withdraw: (request: JoinRequest) => Promise<void>
}

/** Who wants the user in a group, and where the user wants to be let in. `onDecided` hears what became of a request. */
export function useInvitations(onDecided?: (request: JoinRequest) => void): InvitationsModel {
  const { chat } = useParley()
  const [invitations, setInvitations] = useState<readonly Invitation[]>([])
  const [requests, setRequests] = useState<readonly JoinRequest[]>([])
  const refresh = useCallback(async () => {
    setInvitations((await listInvitations(chat, { limit: 100 })).items)
  }, [chat])
  useEffect(() => {
    const look = () => void refresh().catch(() => undefined) // Asked again with the next connection.
    look()
    const stops = [
      chat.on('sync', look),
      chat.on('invited', look),
      chat.on('join-decided', (request) => {
        setRequests((known) => known.filter(({ id }) => id !== request.id))
        onDecided?.(request)
      }),
    ]
    return () => {
      for (const stop of stops) stop()
    }
  }, [chat, refresh, onDecided])
  const answer = useCallback(
    async (work: Promise<unknown>) => {
      try {
        await work
      } finally {
        await refresh()
      }
    },
    [refresh],
  )
  return {
    invitations,
    accept: (id) => answer(acceptInvitation(chat, id)),
    decline: (id) => answer(declineInvitation(chat, id)),
    requests,
    requested: (request) => setRequests((known) => [...known.filter(({ id }) => id !== request.id), request]),
    withdraw: async (request) => {
      await withdrawJoinRequest(chat, request.conversationId, request.id)
      setRequests((known) => known.filter(({ id }) => id !== request.id))
    },
  }
}
