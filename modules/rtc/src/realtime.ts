import { AppError } from '@parley/contracts'
import type { Gateway } from '@parley/core/gateway'
import type { Telemetry } from '@parley/core/telemetry'
import { parseCandidate } from '@parley/protocols/sdp'
import { reading } from './errors.ts'
import { requireAdmin } from './room/rights.ts'
import type { RtcService } from './service.ts'

/** Rooms over the realtime connection. */
export function registerFrames(
  gateway: Pick<Gateway, 'handle' | 'onClosed'>,
  rtc: RtcService,
  telemetry: Telemetry,
): void {
  gateway.handle('rtc.join', (session, request) => rtc.join(session, request))

  gateway.handle('rtc.leave', async (session, { roomId }) => {
    rtc.leave(session, roomId)
    return {}
  })

  gateway.handle('rtc.publish', (session, { roomId, sdp, publications }) =>
    rtc.publish(session, roomId, { sdp, items: publications }),
  )

  gateway.handle('rtc.subscribe-answer', async (session, { roomId, sdp, version }) => {
    rtc.place(session, roomId).answerSubscribe(version, sdp)
    return {}
  })

  // An ICE-lite agent does not check the peer's candidates: it answers wherever checks come from.
  gateway.handle('rtc.candidate', async (session, { roomId, candidate }) => {
    rtc.place(session, roomId)
    if (candidate !== '') reading(() => parseCandidate(candidate))
    return {}
  })

  gateway.handle('rtc.restart-subscribe', async (session, { roomId, anew }) => {
    rtc.place(session, roomId).renegotiate({ iceRestart: true, anew })
    return {}
  })

  gateway.handle('rtc.subscriptions', async (session, { roomId, items }) => {
    const participant = rtc.place(session, roomId)
    participant.setWishes(
      new Map(
        items.map(({ publicationId, enabled, width, height }) => [publicationId, { enabled, width, height }]),
      ),
    )
    return {}
  })

  gateway.handle('rtc.mute', async (session, { roomId, publicationId, muted }) => {
    const participant = rtc.place(session, roomId)
    participant.room.mute(participant, publicationId, muted)
    return {}
  })

  gateway.handle('rtc.mute-other', async (session, { roomId, publicationId }) => {
    const participant = rtc.place(session, roomId)
    participant.room.muteOther(participant, publicationId)
    return {}
  })

  gateway.handle('rtc.remove', async (session, { roomId, participantId }) => {
    const { room, rights } = rtc.place(session, roomId)
    requireAdmin(rights)
    room.remove(participantId)
    return {}
  })

  gateway.handle('rtc.report', async (session, { roomId, facts }) => {
    const participant = rtc.place(session, roomId)
    const { id, room } = participant
    if (Object.keys(facts).length > maxFacts)
      throw new AppError('invalid-request', `At most ${maxFacts} facts`)
    room.noteNetwork(participant, facts)
    telemetry.record([
      {
        projectId: room.projectId,
        subject: `participant/${id}`,
        name: 'rtc.client',
        at: new Date(),
        data: { roomId, ...facts },
      },
    ])
    return {}
  })

  gateway.onClosed((session, reason) => rtc.handleSessionClosed(session, reason))
}

const maxFacts = 100
