import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { customId, text } from './ids.ts'
import { operation } from './operation.ts'
import { customData, timestamp } from './pagination.ts'
import { contactHash, friendPolicy, maxImportedFriends } from './social-people.ts'

export const maxProfileFields = 50

/** Fields every project has; a project adds its own. */
export const standardProfileFields = {
  signature: { kind: 'text', maxLength: 500 },
  gender: { kind: 'choice', choices: ['female', 'male', 'other'] },
  birthday: { kind: 'date' },
  language: { kind: 'text', maxLength: 35 },
  region: { kind: 'text', maxLength: 128 },
} as const satisfies Record<string, ProfileField>

const fieldName = z.string().regex(/^[a-z][A-Za-z0-9]{0,63}$/, 'must be a camelCase name')
export const profileField = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('text'), maxLength: z.int().min(1).max(4_000).default(500) }),
    z.object({ kind: z.literal('number'), min: z.number().optional(), max: z.number().optional() }),
    z.object({ kind: z.literal('flag') }),
    z.object({ kind: z.literal('date') }),
    z.object({ kind: z.literal('choice'), choices: z.array(text(64).min(1)).min(1).max(100) }),
  ])
  .meta({ id: 'ProfileField' })
export type ProfileField = z.infer<typeof profileField>

export const profileVisibility = z.enum(['all', 'friends', 'me']).meta({ id: 'ProfileVisibility' })
export type ProfileVisibility = z.infer<typeof profileVisibility>

const fieldValue = z.union([text(4_000), z.number(), z.boolean()])
export type ProfileValue = z.infer<typeof fieldValue>

export const socialSettings = z
  .object({
    friendPolicy: friendPolicy.meta({ description: 'Of users who chose none' }),
    search: z.object({ id: z.boolean(), name: z.boolean(), phone: z.boolean(), email: z.boolean() }),
    fields: z
      .record(fieldName, profileField)
      .refine(
        (fields) => Object.keys(fields).length <= maxProfileFields,
        `at most ${maxProfileFields} fields`,
      )
      .meta({ description: 'Fields of profiles beyond those every project has' }),
    requestDays: z.int().min(1).max(366).meta({ description: 'Friend requests expire after so many days' }),
  })
  .meta({ id: 'SocialSettings' })
export type SocialSettings = z.infer<typeof socialSettings>

export const defaultSocialSettings: SocialSettings = {
  friendPolicy: 'approval',
  search: { id: true, name: false, phone: false, email: false },
  fields: {},
  requestDays: 7,
}

export const profile = z
  .object({
    userId: customId,
    name: z.string().optional(),
    avatarUrl: z.string().optional(),
    custom: customData.optional(),
    fields: z.record(z.string(), fieldValue).meta({ description: 'Those the reader may see' }),
    visibility: z.record(z.string(), profileVisibility).optional().meta({ description: 'Own profile only' }),
    friendPolicy: friendPolicy.optional().meta({ description: 'Own profile only' }),
    updatedAt: timestamp.optional(),
  })
  .meta({ id: 'SocialProfile' })
export type SocialProfile = z.infer<typeof profile>

export const profileOperations = {
  'profile.query': operation({
    tag: 'social',
    status: 200,
    name: 'queryProfiles',
    method: 'POST',
    right: 'read',
    path: '/v1/profiles/query',
    summary: 'Profiles as the acting user may see them; users who do not exist are left out',
    params: {},
    input: { userIds: z.array(customId).min(1).max(100) },
    answer: z.object({ items: z.array(profile) }),
    errors: [],
  }),
  'profile.update': operation({
    tag: 'social',
    status: 200,
    name: 'updateProfile',
    method: 'PATCH',
    right: 'send',
    path: '/v1/profile',
    summary: 'Change the own profile; a field that is null is taken away',
    params: {},
    input: {
      fields: z.record(fieldName, fieldValue.nullable()).optional(),
      visibility: z.record(fieldName, profileVisibility).optional(),
      friendPolicy: friendPolicy.nullable().optional(),
      phoneHash: contactHash.nullable().optional(),
      emailHash: contactHash.nullable().optional(),
    },
    answer: profile,
    errors: ['user-not-found', 'content-rejected', 'limit-exceeded'],
  }),
  'user.search': operation({
    tag: 'social',
    status: 200,
    name: 'searchUsers',
    method: 'POST',
    right: 'read',
    path: '/v1/profiles/search',
    summary: 'Find users, by ways the project allows; exactly one way a call',
    params: {},
    input: {
      exactId: customId.optional(),
      name: text(64).min(1).optional().meta({ description: 'How the name begins, in any case' }),
      phoneHashes: z.array(contactHash).min(1).max(500).optional(),
      emailHashes: z.array(contactHash).min(1).max(500).optional(),
      limit: z.int().min(1).max(50).default(20),
    },
    answer: z.object({
      items: z.array(profile.extend({ matched: z.string().optional().meta({ description: 'The hash' }) })),
    }),
    errors: ['forbidden'],
  }),
} as const

/** What the customer's server sets. */
export const socialServerEndpoints = {
  getSocialSettings: endpoint({
    name: 'getSocialSettings',
    tag: 'social',
    method: 'GET',
    path: '/v1/social/settings',
    auth: 'key',
    summary: 'How people of the project may find and befriend each other',
    status: 200,
    answer: socialSettings,
    errors: [],
  }),
  updateSocialSettings: endpoint({
    name: 'updateSocialSettings',
    tag: 'social',
    method: 'PATCH',
    path: '/v1/social/settings',
    auth: 'key',
    summary: 'Change what is given, as a whole each',
    body: socialSettings.partial(),
    status: 200,
    answer: socialSettings,
    errors: [],
  }),
  importFriends: endpoint({
    name: 'importFriends',
    tag: 'social',
    method: 'POST',
    path: '/v1/social/friendships',
    auth: 'key',
    audit: false,
    summary: 'Make users friends of one user at once; those who are, and those who block, are passed over',
    body: z.object({
      userId: customId,
      friendIds: z.array(customId).min(1).max(maxImportedFriends),
    }),
    status: 200,
    answer: z.object({ added: z.array(customId) }),
    errors: ['user-not-found', 'limit-exceeded'],
  }),
} as const
