import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { anyId, customId, text } from './ids.ts'
import { done, pageOf, pageQuery, timestamp } from './pagination.ts'

export const pushProviders = ['web-push', 'apns', 'fcm', 'http'] as const
export const pushProvider = z.enum(pushProviders).meta({ id: 'PushProvider' })
export type PushProvider = z.infer<typeof pushProvider>

const base64url = z.string().regex(/^[A-Za-z0-9_-]+={0,2}$/, 'is not base64url')

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

const pem = text(10_000).min(1)

/** Credentials of one provider. They are sealed and never told again. */
export const pushCredentials = z
  .object({
    subject: text(256)
      .regex(/^(mailto:.+@.+|https:\/\/.+)$/, 'is neither a mailto: nor an https: address')
      .optional()
      .meta({ description: 'web-push: whom a push service may write to' }),
    publicKey: base64url
      .max(100)
      .optional()
      .meta({ description: 'web-push: VAPID keys; made for you when absent' }),
    privateKey: base64url.max(60).optional(),
    key: pem.optional().meta({ description: 'apns: the .p8 file' }),
    keyId: text(32).min(1).optional().meta({ description: 'apns' }),
    teamId: text(32).min(1).optional().meta({ description: 'apns' }),
    topic: text(256)
      .regex(/^[A-Za-z0-9.-]+$/, 'is not a bundle id')
      .optional()
      .meta({ description: 'apns: bundle id of the app' }),
    environment: z.enum(['production', 'sandbox']).optional().meta({ description: 'apns' }),
    serviceAccount: z
      .object({
        project_id: text(128).regex(/^[a-z0-9:.-]+$/),
        client_email: text(256).min(3),
        private_key: pem,
        private_key_id: text(128).optional(),
        token_uri: z
          .url({ protocol: /^https?$/ })
          .max(2048)
          .optional(),
      })
      .optional()
      .meta({ description: 'fcm: the JSON file of the service account' }),
    url: z
      .url({ protocol: /^https?$/ })
      .max(2048)
      .optional()
      .meta({ description: 'http: your gateway to the channels of vendors' }),
    secret: text(256)
      .regex(/^whsec_[A-Za-z0-9+/]{22,172}={0,2}$/, 'is not whsec_ and base64')
      .optional()
      .meta({ description: 'http: signs as Standard Webhooks says; made for you when absent' }),
  })
  .meta({ id: 'PushCredentials' })
export type PushCredentials = z.infer<typeof pushCredentials>

/** What may be known of the credentials of a provider. */
export const pushProviderState = z
  .object({
    provider: pushProvider,
    publicKey: z.string().optional(),
    subject: z.string().optional(),
    keyId: z.string().optional(),
    teamId: z.string().optional(),
    topic: z.string().optional(),
    environment: z.enum(['production', 'sandbox']).optional(),
    fcmProjectId: z.string().optional(),
    url: z.string().optional(),
    secret: z.string().optional().meta({ description: 'One that was made for you; shown this once' }),
    updatedAt: timestamp,
  })
  .meta({ id: 'PushProviderState' })
export type PushProviderState = z.infer<typeof pushProviderState>

/** Of which messages a user wants to hear: all, those that mention them, or none. */
export const pushLevel = z.enum(['all', 'mentions', 'none']).meta({ id: 'PushLevel' })
export type PushLevel = z.infer<typeof pushLevel>

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'is not a time such as 22:00')

/** A daily span without pushes; one that ends before it starts goes over midnight. */
export const quietHours = z
  .object({
    start: clock,
    end: clock,
    timeZone,
    mentionsPass: z.boolean().default(false).meta({ description: 'Mentions are pushed all the same' }),
  })
  .meta({ id: 'QuietHours' })
export type QuietHours = z.infer<typeof quietHours>

export const pushPreferences = z
  .object({
    level: pushLevel,
    quietHours: quietHours.optional(),
    showContent: z
      .boolean()
      .meta({ description: 'false: pushes say that there is a message, not what it says' }),
    conversations: z
      .array(z.object({ conversationId: z.string(), level: pushLevel }))
      .meta({ description: 'Levels that differ, at most 500 are shown' }),
  })
  .meta({ id: 'PushPreferences' })
export type PushPreferences = z.infer<typeof pushPreferences>

const templateText = z.object({ title: text(256), body: text(2_000) })

export const pushTemplate = z
  .object({
    name: z.string(),
    languages: z.record(z.string(), templateText),
    updatedAt: timestamp,
  })
  .meta({ id: 'PushTemplate' })
export type PushTemplate = z.infer<typeof pushTemplate>

const templateName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'is not a name of lower-case letters, digits, dots and dashes')

export const suppressionReasons = [
  'online-took',
  'blocked',
  'muted',
  'quiet-hours',
  'level',
  'no-device',
] as const
export const pushFailureReasons = [
  'unregistered',
  'invalid-token',
  'payload-too-large',
  'credentials',
  'no-provider',
  'rejected',
  'expired',
  'unreachable',
] as const

export const pushReceipt = z
  .object({
    pushId: z.string(),
    messageId: z.string().optional(),
    conversationId: z.string().optional(),
    seq: z.int().optional(),
    batchId: z.string().optional().meta({ description: 'The send it belongs to' }),
    userId: z.string(),
    deviceId: z.string().optional().meta({ description: 'Absent when the user was left out as a whole' }),
    provider: pushProvider.optional(),
    state: z.enum(['waiting', 'sent', 'failed', 'suppressed']),
    reason: z.enum([...suppressionReasons, ...pushFailureReasons]).optional(),
    detail: z.string().optional().meta({ description: 'What the push service said' }),
    attemptCount: z.int(),
    createdAt: timestamp,
    settledAt: timestamp.optional(),
    deliveredAt: timestamp.optional(),
    openedAt: timestamp.optional(),
  })
  .meta({ id: 'PushReceipt' })
export type PushReceipt = z.infer<typeof pushReceipt>

const variables = z
  .record(z.string().regex(/^[A-Za-z0-9_.]{1,64}$/), text(1_000))
  .refine((value) => Object.keys(value).length <= 32, 'holds more than 32 variables')
const pushData = z
  .record(text(64).min(1), text(1_000))
  .refine((value) => JSON.stringify(value).length <= 2_000, 'is longer than 2,000 characters of JSON')
  .meta({ description: 'Given to the app with the push' })

const acting = customId.optional().meta({ description: 'Acting user; required with an API key' })
const byDevice = z.object({ deviceId: customId })
const byProvider = z.object({ provider: pushProvider })
const byTemplate = z.object({ name: templateName })
const tag = 'push'

export const pushEndpoints = {
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
  putPushProvider: endpoint({
    name: 'putPushProvider',
    tag,
    method: 'PUT',
    path: '/v1/push/providers/{provider}',
    auth: 'key',
    summary: 'Set the credentials of a provider. VAPID keys and signing secret are made when absent',
    params: byProvider,
    body: pushCredentials,
    status: 200,
    answer: pushProviderState,
    errors: [],
  }),
  listPushProviders: endpoint({
    name: 'listPushProviders',
    tag,
    method: 'GET',
    path: '/v1/push/providers',
    auth: 'key',
    summary: 'Providers that are set up, without their secrets',
    status: 200,
    answer: z.object({ items: z.array(pushProviderState) }),
    errors: [],
  }),
  deletePushProvider: endpoint({
    name: 'deletePushProvider',
    tag,
    method: 'DELETE',
    path: '/v1/push/providers/{provider}',
    auth: 'key',
    summary: 'Forget the credentials of a provider',
    params: byProvider,
    status: 200,
    answer: done,
    errors: ['not-found'],
  }),
  getPushPreferences: endpoint({
    name: 'getPushPreferences',
    tag,
    method: 'GET',
    path: '/v1/push/preferences',
    auth: 'key-or-user',
    summary: 'Of what a user wants to hear',
    query: z.object({ userId: acting }),
    status: 200,
    answer: pushPreferences,
    errors: [],
  }),
  putPushPreferences: endpoint({
    name: 'putPushPreferences',
    tag,
    method: 'PUT',
    path: '/v1/push/preferences',
    auth: 'key-or-user',
    audit: false,
    summary: 'Change of what a user wants to hear; what is not named stays',
    body: z.object({
      level: pushLevel.optional(),
      quietHours: quietHours.nullable().optional(),
      showContent: z.boolean().optional(),
      userId: acting,
    }),
    status: 200,
    answer: pushPreferences,
    errors: ['user-not-found'],
  }),
  putPushConversationPreference: endpoint({
    name: 'putPushConversationPreference',
    tag,
    method: 'PUT',
    path: '/v1/push/preferences/conversations/{conversationId}',
    auth: 'key-or-user',
    audit: false,
    summary: 'Of what of one conversation a user wants to hear; null follows the level of the user again',
    params: z.object({ conversationId: anyId }),
    body: z.object({ level: pushLevel.nullable(), userId: acting }),
    status: 200,
    answer: z.object({ conversationId: z.string(), level: pushLevel.nullable() }),
    errors: ['user-not-found', 'conversation-not-found', 'not-a-member', 'limit-exceeded'],
  }),
  putPushTemplate: endpoint({
    name: 'putPushTemplate',
    tag,
    method: 'PUT',
    path: '/v1/push/templates/{name}',
    auth: 'key',
    summary: 'Say how pushes read: `message.text`, `message.image` ... stand in for the built-in texts',
    params: byTemplate,
    body: z.object({
      languages: z
        .record(languageTag, templateText)
        .refine((value) => Object.keys(value).length > 0, 'names no language')
        .refine((value) => Object.keys(value).length <= 50, 'names more than 50 languages'),
    }),
    status: 200,
    answer: pushTemplate,
    errors: ['limit-exceeded'],
  }),
  listPushTemplates: endpoint({
    name: 'listPushTemplates',
    tag,
    method: 'GET',
    path: '/v1/push/templates',
    auth: 'key',
    summary: 'Templates of the project, by name',
    query: pageQuery,
    status: 200,
    answer: pageOf(pushTemplate),
    errors: ['invalid-cursor'],
  }),
  deletePushTemplate: endpoint({
    name: 'deletePushTemplate',
    tag,
    method: 'DELETE',
    path: '/v1/push/templates/{name}',
    auth: 'key',
    summary: 'Remove a template; the built-in text stands again where there is one',
    params: byTemplate,
    status: 200,
    answer: done,
    errors: ['not-found'],
  }),
  sendPush: endpoint({
    name: 'sendPush',
    tag,
    method: 'POST',
    path: '/v1/push/send',
    auth: 'key',
    audit: false,
    summary: 'Push to users directly, by a template or by title and body',
    body: z
      .object({
        userIds: z.array(customId).min(1).max(1_000),
        template: templateName.optional(),
        title: text(256).optional(),
        body: text(2_000).optional(),
        variables: variables.optional(),
        data: pushData.optional(),
        collapseId: text(64)
          .regex(/^[A-Za-z0-9._:-]+$/)
          .optional()
          .meta({ description: 'A later push with the same one takes the place of the earlier' }),
        ttlMs: z
          .int()
          .min(1_000)
          .max(28 * 86_400_000)
          .optional(),
        quietHours: z
          .enum(['obey', 'ignore'])
          .default('obey')
          .meta({ description: 'ignore: for what cannot wait, such as a code' }),
      })
      .refine((value) => (value.template === undefined) === (value.body !== undefined), {
        path: ['template'],
        error: 'name a template, or give title and body',
      }),
    status: 202,
    answer: z.object({ batchId: z.string(), waiting: z.int(), suppressed: z.int() }),
    errors: ['user-not-found', 'not-found'],
  }),
  listPushReceipts: endpoint({
    name: 'listPushReceipts',
    tag,
    method: 'GET',
    path: '/v1/push/receipts',
    auth: 'key',
    summary: 'What became of pushes, by message, by send or by user',
    query: pageQuery
      .extend({ messageId: anyId.optional(), batchId: anyId.optional(), userId: customId.optional() })
      .refine(
        (query) => [query.messageId, query.batchId, query.userId].some((value) => value !== undefined),
        {
          error: 'name messageId, batchId or userId',
          path: ['messageId'],
        },
      ),
    status: 200,
    answer: pageOf(pushReceipt),
    errors: ['invalid-cursor'],
  }),
  reportPushReceipts: endpoint({
    name: 'reportPushReceipts',
    tag,
    method: 'POST',
    path: '/v1/push/receipts',
    auth: 'key-or-user',
    audit: false,
    summary: 'A device says that pushes were shown or opened',
    body: z.object({
      items: z
        .array(z.object({ pushId: anyId, event: z.enum(['delivered', 'opened']) }))
        .min(1)
        .max(100),
      userId: acting,
    }),
    status: 200,
    answer: z.object({ recorded: z.int() }),
    errors: [],
  }),
} as const
