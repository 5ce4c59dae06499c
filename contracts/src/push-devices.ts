import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { customId, text } from './ids.ts'
import { done, timestamp } from './pagination.ts'
import { acting, base64url, pushProvider, tag } from './push-call.ts'

/** A push subscription as browsers give it (`PushSubscription.toJSON()`). */
export const webPushSubscription = z
  .object({
    endpoint: z.url({ protocol: /^https?$/ }).max(2048),
    keys: z.object({
      p256dh: base64url.max(100).meta({ description: 'Public key of the subscriber, P-256, uncompressed' }),
      auth: base64url.max(40).meta({ description: 'Authentication secret, 16 bytes' }),
    }),
  })
  .meta({ id: 'WebPushSubscription' })
export type WebPushSubscription = z.infer<typeof webPushSubscription>

/** A BCP 47 tag such as `en` or `zh-CN`. */
export const languageTag = z
  .string()
  .regex(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$/, 'is not a language tag')
  .max(35)
  .meta({ id: 'LanguageTag' })

/** Name of an IANA time zone. */
export const timeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, 'is not an IANA time zone')
  .meta({ id: 'TimeZone' })

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

export const pushDevice = z
  .object({
    deviceId: z.string(),
    userId: z.string(),
    provider: pushProvider,
    language: z.string().optional(),
    timeZone: z.string().optional(),
    registeredAt: timestamp,
  })
  .meta({ id: 'PushDevice' })
export type PushDevice = z.infer<typeof pushDevice>

const deviceFacts = { language: languageTag.optional(), timeZone: timeZone.optional() }
const deviceToken = text(4096).min(1)

/** How a device is reached. */
export const pushRegistration = z
  .object({
    provider: pushProvider,
    token: deviceToken
      .optional()
      .meta({ description: 'Of APNs, FCM, or of the vendor behind your own gateway' }),
    subscription: webPushSubscription.optional().meta({ description: 'Of web push' }),
    ...deviceFacts,
    userId: customId.optional().meta({ description: 'Whose device it is; required with an API key' }),
  })
  .refine((body) => (body.provider === 'web-push') === (body.subscription !== undefined), {
    path: ['subscription'],
    error: 'goes with web-push, and only with it',
  })
  .refine((body) => (body.provider === 'web-push') === (body.token === undefined), {
    path: ['token'],
    error: 'goes with every provider but web-push',
  })
  .refine((body) => body.provider !== 'apns' || /^[0-9a-fA-F]{8,400}$/.test(body.token ?? ''), {
    path: ['token'],
    error: 'is not a device token of APNs in hex',
  })

const byDevice = z.object({ deviceId: customId })

/** Where pushes go. */
export const pushDeviceCalls = {
  putPushDevice: endpoint({
    name: 'putPushDevice',
    tag,
    method: 'PUT',
    path: '/v1/push/devices/{deviceId}',
    auth: 'key-or-user',
    audit: false,
    summary: 'Say how a device is reached. A token belongs to one user at a time: the last who named it',
    params: byDevice,
    body: pushRegistration,
    status: 200,
    answer: pushDevice,
    errors: ['user-not-found', 'limit-exceeded'],
  }),
  listPushDevices: endpoint({
    name: 'listPushDevices',
    tag,
    method: 'GET',
    path: '/v1/push/devices',
    auth: 'key-or-user',
    summary: 'Devices of a user that can be reached',
    query: z.object({ userId: acting }),
    status: 200,
    answer: z.object({ items: z.array(pushDevice) }),
    errors: [],
  }),
  deletePushDevice: endpoint({
    name: 'deletePushDevice',
    tag,
    method: 'DELETE',
    path: '/v1/push/devices/{deviceId}',
    auth: 'key-or-user',
    summary: 'Push to a device no longer, as when its user signs out',
    params: byDevice,
    query: z.object({ userId: acting }),
    status: 200,
    answer: done,
    errors: ['not-found'],
  }),
  getWebPushKey: endpoint({
    name: 'getWebPushKey',
    tag,
    method: 'GET',
    path: '/v1/push/web-push-key',
    auth: 'key-or-user',
    summary: 'The key with which browsers subscribe (`applicationServerKey`)',
    status: 200,
    answer: z.object({ publicKey: z.string() }),
    errors: ['not-found'],
  }),
} as const
