import { type AppError, type EndpointInput, rtcEndpoints as endpoints } from '@parley/contracts'
import type { HttpServer } from '@parley/core/http'
import type { OutgoingRoomData } from './data/room-data.ts'
import { callerRights, requireAdmin } from './room/rights.ts'
import type { RtcService } from './service.ts'

/** Rooms over REST. */
export function registerRoutes(http: HttpServer, rtc: RtcService): void {
  http.route(endpoints.createRoom, ({ caller, body }) => rtc.createRoom(caller.projectId, body))

  http.route(endpoints.getRoom, async ({ caller, params }) => {
    callerRights(caller, params.roomId)
    return rtc.getRoom(caller.projectId, params.roomId)
  })

  http.route(endpoints.listParticipants, async ({ caller, params }) => {
    callerRights(caller, params.roomId)
    return { items: await rtc.participants(caller.projectId, params.roomId) }
  })

  http.route(endpoints.removeParticipant, async ({ caller, params }) => {
    requireAdmin(callerRights(caller, params.roomId))
    await rtc.removeParticipant(caller.projectId, params.roomId, params.participantId)
    return { done: true as const }
  })

  http.route(endpoints.sendRoomData, async ({ caller, params, body }) => {
    return { receivers: await rtc.sendData(caller.projectId, params.roomId, messageOf(body)) }
  })

  http.route(endpoints.deleteRoom, async ({ caller, params }) => {
    await rtc.deleteRoom(caller.projectId, params.roomId)
    return { done: true as const }
  })
}

function messageOf(body: EndpointInput<typeof endpoints.sendRoomData>['body']): OutgoingRoomData {
  const { text, json, base64, topic, to, reliable } = body
  const rest = { topic, to, reliable }
  if (base64 !== undefined) return { format: 'bytes', payload: Buffer.from(base64, 'base64'), ...rest }
  if (text !== undefined) return { format: 'text', payload: Buffer.from(text), ...rest }
  return { format: 'json', payload: Buffer.from(JSON.stringify(json)), ...rest }
}

/** The same paths where audio and video are switched off: they say so. */
export function refuseRoutes(http: HttpServer, reason: AppError): void {
  for (const endpoint of Object.values(endpoints)) {
    http.route(endpoint as (typeof endpoints)['getRoom'], () => Promise.reject(reason))
  }
}
