import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { text } from './ids.ts'
import { done, timestamp } from './pagination.ts'
import { base64url, pushProvider, tag } from './push-call.ts'

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

const byProvider = z.object({ provider: pushProvider })

/** By whom pushes go. */
export const pushProviderCalls = {
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
} as const
