import { z } from 'zod'
import { customId } from './ids.ts'

// What the calls of all parts of pushes have in common.

export const pushProviders = ['web-push', 'apns', 'fcm', 'http'] as const
export const pushProvider = z.enum(pushProviders).meta({ id: 'PushProvider' })
export type PushProvider = z.infer<typeof pushProvider>

export const acting = customId.optional().meta({ description: 'Acting user; required with an API key' })
export const tag = 'push'
export const base64url = z.string().regex(/^[A-Za-z0-9_-]+={0,2}$/, 'is not base64url')
