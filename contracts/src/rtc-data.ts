import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import type { ErrorCode } from './errors.ts'
import { anyId, customId, text } from './ids.ts'

/** Payloads of one message, in bytes: what arrives for certain, and what may be lost. */
export const roomDataLimits = { reliable: 65_536, lossy: 15_360 } as const

/** Who gets a message of a room; absent: everybody else in it. */
export const roomDataReceivers = z
  .object({
    participantIds: z.array(anyId).max(100).optional(),
    userIds: z.array(customId).max(100).optional(),
  })
  .meta({ id: 'RoomDataReceivers' })
export type RoomDataReceivers = z.infer<typeof roomDataReceivers>

export const roomDataFormats = ['bytes', 'text', 'json'] as const
export type RoomDataFormat = (typeof roomDataFormats)[number]

const topic = text(128)

/** Header of what a client sends on a data channel; the payload follows it. */
export const roomDataSend = z.object({
  type: z.literal('send'),
  /** Named by the answer. */
  id: z.int().min(0),
  format: z.enum(roomDataFormats),
  topic: topic.optional(),
  to: roomDataReceivers.optional(),
})
export type RoomDataSend = z.infer<typeof roomDataSend>

/** Headers of what a server sends on a data channel. */
export type RoomDataEvent =
  /** Without `from` it comes from the application's server. Who sent it is the server's word. */
  | {
      type: 'message'
      format: RoomDataFormat
      topic?: string
      from?: { participantId: string; userId: string }
    }
  /** Answers a reliable `send`: to how many it goes. */
  | { type: 'accepted'; id: number; receivers: number }
  /** Nobody gets it. */
  | { type: 'refused'; id: number; code: ErrorCode; detail: string; retryAfterMs?: number }
  /** So many reliable messages could not wait any longer for this receiver, and are lost to it. */
  | { type: 'missed'; count: number }

export const sendRoomData = endpoint({
  name: 'sendRoomData',
  tag: 'rtc',
  method: 'POST',
  path: '/v1/rtc/rooms/{roomId}/data',
  auth: 'key',
  audit: false,
  summary: 'Send a message to the participants of a room over their data channels',
  params: z.object({ roomId: customId }),
  body: z
    .object({
      text: z.string().max(roomDataLimits.reliable).optional(),
      json: z.json().optional(),
      base64: z
        .base64()
        .max(Math.ceil(roomDataLimits.reliable / 3) * 4)
        .optional(),
      topic: topic.optional(),
      to: roomDataReceivers.optional(),
      reliable: z.boolean().default(true),
    })
    .refine(
      ({ text, json, base64 }) => [text, json, base64].filter((one) => one !== undefined).length === 1,
      {
        message: 'exactly one of text, json and base64',
      },
    ),
  status: 200,
  answer: z.object({ receivers: z.int() }),
  errors: ['room-not-found', 'limit-exceeded', 'unavailable', 'not-implemented'],
})
