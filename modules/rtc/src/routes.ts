import { type AppError, type EndpointInput, rtcEndpoints as endpoints } from '@parley/contracts'
import type { HttpServer } from '@parley/core/http'
import type { RoomInput, RoomOperations } from './cluster/room-operations.ts'
import type { OutgoingRoomData } from './data/room-data.ts'
import { callerRights, requireAdmin } from './room/rights.ts'
import type { RtcService } from './service.ts'

type DataBody = EndpointInput<typeof endpoints.sendRoomData>['body']

/** Rooms over REST. What a room has to be asked goes through `operations`, after the rights were checked here. */
export function registerRoutes(http: HttpServer, rtc: RtcService, operations: RoomOperations): void {
  const getRoom = operations.operation('getRoom', ({ projectId, roomId }: RoomInput) =>
    rtc.getRoom(projectId, roomId),
  )
  const participants = operations.operation('participants', ({ projectId, roomId }: RoomInput) =>
    rtc.participants(projectId, roomId),
  )
  const removeParticipant = operations.operation(
    'removeParticipant',
    ({ projectId, roomId, participantId }: RoomInput & { participantId: string }) =>
      rtc.removeParticipant(projectId, roomId, participantId),
  )
  const sendData = operations.operation(
    'sendData',
    ({ projectId, roomId, body, callKey }: RoomInput & { body: DataBody; callKey: string | undefined }) =>
      rtc.sendData(projectId, roomId, { ...messageOf(body), callKey }),
  )
  const deleteRoom = operations.operation('deleteRoom', ({ projectId, roomId }: RoomInput) =>
    rtc.deleteRoom(projectId, roomId),
  )

  http.route(endpoints.createRoom, ({ caller, body }) => rtc.createRoom(caller.projectId, body))

  http.route(endpoints.getRoom, async ({ caller, params }) => {
    callerRights(caller, params.roomId)
    return getRoom({ projectId: caller.projectId, ...params })
  })

  http.route(endpoints.listParticipants, async ({ caller, params }) => {
    callerRights(caller, params.roomId)
    return { items: await participants({ projectId: caller.projectId, ...params }) }
  })

  http.route(endpoints.removeParticipant, async ({ caller, params }) => {
    requireAdmin(callerRights(caller, params.roomId))
    await removeParticipant({ projectId: caller.projectId, ...params })
    return { done: true as const }
  })

  http.route(endpoints.sendRoomData, async ({ caller, params, body, callKey }) => {
    return { receivers: await sendData({ projectId: caller.projectId, ...params, body, callKey }) }
  })

  http.route(endpoints.deleteRoom, async ({ caller, params }) => {
    await deleteRoom({ projectId: caller.projectId, ...params })
    return { done: true as const }
  })
}

function messageOf(body: DataBody): OutgoingRoomData {
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
