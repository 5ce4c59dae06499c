import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { anyId, customId, text } from './ids.ts'
import { customData, done, pageOf, pageQuery, timestamp } from './pagination.ts'

/** Projects are named by us alone. */
const projectIdParameter = z.string().regex(/^proj_[0-9a-z]{1,64}$/, 'is not the id of a project')

export const rtcGrant = z
  .object({
    room: customId.meta({ description: 'The room the token opens; `*` opens every room' }),
    publish: z
      .union([z.boolean(), z.array(z.enum(['camera', 'microphone', 'screen', 'screen-audio', 'custom']))])
      .optional(),
    subscribe: z.boolean().optional(),
    data: z.boolean().optional().meta({ description: 'Send messages over data channels' }),
    admin: z.boolean().optional(),
  })
  .meta({ id: 'RtcGrant' })

export const chatGrant = z
  .object({
    send: z.boolean().optional(),
    read: z.boolean().optional(),
    conversations: z
      .array(anyId)
      .max(100)
      .optional()
      .meta({ description: 'Limits the token to these conversations' }),
  })
  .meta({ id: 'ChatGrant' })

/** Rights inside a user token. Absent: all ordinary rights of a user. Present: exhaustive. */
export const grants = z
  .object({ chat: chatGrant.optional(), rtc: rtcGrant.optional() })
  .meta({ id: 'Grants' })
export type Grants = z.infer<typeof grants>

export const platforms = ['web', 'ios', 'android', 'desktop', 'server', 'other'] as const
export const platform = z.enum(platforms).meta({ id: 'Platform' })
export type Platform = z.infer<typeof platform>

export const user = z
  .object({
    id: customId,
    name: z.string().optional(),
    avatarUrl: z.string().optional(),
    custom: customData.optional(),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'User' })
export type User = z.infer<typeof user>

const userProfile = {
  name: text(256).optional(),
  avatarUrl: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional(),
  custom: customData.optional(),
}

export const deviceState = z
  .object({
    id: z.string(),
    platform,
    name: z.string().optional(),
    online: z.boolean(),
    lastSeenAt: timestamp,
    createdAt: timestamp,
  })
  .meta({ id: 'Device' })
export type Device = z.infer<typeof deviceState>

export const presence = z
  .object({
    userId: customId,
    status: z.enum(['online', 'offline']),
    platforms: z.array(platform),
    lastSeenAt: timestamp.optional(),
  })
  .meta({ id: 'Presence' })
export type Presence = z.infer<typeof presence>

export const devicePolicy = z
  .object({
    maxPerPlatform: z.int().min(1).max(100).meta({ description: 'Live sessions of a user on one platform' }),
    maxTotal: z.int().min(1).max(500),
  })
  .meta({ id: 'DevicePolicy' })

export const projectSettings = z
  .object({
    tokenTtlCeilingMs: z
      .int()
      .min(60_000)
      .max(365 * 86_400_000),
    devicePolicy,
    createUsersOnFirstToken: z.boolean(),
    recallWindowMs: z
      .int()
      .min(0)
      .max(365 * 86_400_000),
    editWindowMs: z
      .int()
      .min(0)
      .max(365 * 86_400_000),
    newMembersSeeHistory: z.boolean(),
  })
  .meta({ id: 'ProjectSettings' })
export type ProjectSettings = z.infer<typeof projectSettings>

export const defaultProjectSettings: ProjectSettings = {
  tokenTtlCeilingMs: 30 * 86_400_000,
  devicePolicy: { maxPerPlatform: 10, maxTotal: 30 },
  createUsersOnFirstToken: true,
  recallWindowMs: 2 * 60_000,
  editWindowMs: 48 * 3_600_000,
  newMembersSeeHistory: true,
}

export const project = z
  .object({ id: z.string(), name: z.string(), settings: projectSettings, createdAt: timestamp })
  .meta({ id: 'Project' })
export type Project = z.infer<typeof project>

export const apiKey = z
  .object({
    id: z.string(),
    name: z.string().optional(),
    createdAt: timestamp,
    lastUsedAt: timestamp.optional(),
    revokedAt: timestamp.optional(),
  })
  .meta({ id: 'ApiKey' })
export type ApiKey = z.infer<typeof apiKey>

export const apiKeyWithSecret = apiKey
  .extend({ secret: z.string().meta({ description: 'Shown once, never again' }) })
  .meta({ id: 'ApiKeyWithSecret' })

const byUser = z.object({ userId: customId })

export const identityEndpoints = {
  createProject: endpoint({
    name: 'createProject',
    tag: 'projects',
    method: 'POST',
    path: '/v1/projects',
    auth: 'operator',
    summary: 'Make a project (a tenant) and its first API key',
    body: z.object({ name: text(256) }),
    status: 201,
    answer: z.object({ project, key: apiKeyWithSecret }),
    errors: [],
  }),
  listProjects: endpoint({
    name: 'listProjects',
    tag: 'projects',
    method: 'GET',
    path: '/v1/projects',
    auth: 'operator',
    summary: 'List the projects of this installation',
    query: pageQuery,
    status: 200,
    answer: pageOf(project),
    errors: ['invalid-cursor'],
  }),
  createProjectKey: endpoint({
    name: 'createProjectKey',
    tag: 'projects',
    method: 'POST',
    path: '/v1/projects/{projectId}/keys',
    auth: 'operator',
    summary: 'Make an API key for any project of this installation',
    params: z.object({ projectId: projectIdParameter }),
    body: z.object({ name: text(256).optional() }),
    status: 201,
    answer: apiKeyWithSecret,
    errors: ['not-found', 'limit-exceeded'],
  }),
  getProject: endpoint({
    name: 'getProject',
    tag: 'projects',
    method: 'GET',
    path: '/v1/project',
    auth: 'key',
    summary: 'The project of the calling key',
    status: 200,
    answer: project,
    errors: [],
  }),
  updateProject: endpoint({
    name: 'updateProject',
    tag: 'projects',
    method: 'PATCH',
    path: '/v1/project',
    auth: 'key',
    summary: 'Change name or settings of the project',
    body: z.object({ name: text(256).optional(), settings: projectSettings.partial().optional() }),
    status: 200,
    answer: project,
    errors: [],
  }),
  createKey: endpoint({
    name: 'createKey',
    tag: 'keys',
    method: 'POST',
    path: '/v1/keys',
    auth: 'key',
    summary: 'Make a further API key; at most two are live, so that keys can be rotated',
    body: z.object({ name: text(256).optional() }),
    status: 201,
    answer: apiKeyWithSecret,
    errors: ['limit-exceeded'],
  }),
  listKeys: endpoint({
    name: 'listKeys',
    tag: 'keys',
    method: 'GET',
    path: '/v1/keys',
    auth: 'key',
    summary: 'List the API keys of the project',
    status: 200,
    answer: pageOf(apiKey),
    errors: [],
  }),
  revokeKey: endpoint({
    name: 'revokeKey',
    tag: 'keys',
    method: 'DELETE',
    path: '/v1/keys/{keyId}',
    auth: 'key',
    summary: 'Revoke an API key; its user tokens die with it and live connections are cut within a second',
    params: z.object({ keyId: anyId }),
    status: 200,
    answer: apiKey,
    errors: ['not-found', 'conflict'],
  }),
  createUser: endpoint({
    name: 'createUser',
    tag: 'users',
    method: 'POST',
    path: '/v1/users',
    auth: 'key',
    audit: false,
    summary: 'Make a user; the same id with the same profile again answers the same user',
    body: z.object({ id: customId, ...userProfile }),
    status: 201,
    answer: user,
    errors: ['already-exists'],
  }),
  listUsers: endpoint({
    name: 'listUsers',
    tag: 'users',
    method: 'GET',
    path: '/v1/users',
    auth: 'key',
    summary: 'List users by id',
    query: pageQuery,
    status: 200,
    answer: pageOf(user),
    errors: ['invalid-cursor'],
  }),
  getUser: endpoint({
    name: 'getUser',
    tag: 'users',
    method: 'GET',
    path: '/v1/users/{userId}',
    auth: 'key-or-user',
    summary: 'One user',
    params: byUser,
    status: 200,
    answer: user,
    errors: ['user-not-found'],
  }),
  updateUser: endpoint({
    name: 'updateUser',
    tag: 'users',
    method: 'PATCH',
    path: '/v1/users/{userId}',
    auth: 'key-or-user',
    summary: 'Change a profile; users change their own only',
    params: byUser,
    body: z.object(userProfile),
    status: 200,
    answer: user,
    errors: ['user-not-found', 'forbidden', 'content-rejected', 'content-under-review', 'muted', 'banned'],
  }),
  createUserToken: endpoint({
    name: 'createUserToken',
    tag: 'users',
    method: 'POST',
    path: '/v1/users/{userId}/tokens',
    auth: 'key',
    audit: false,
    summary: 'Mint a user token',
    params: byUser,
    body: z.object({ ttlMs: z.int().min(1_000).optional(), grants: grants.optional() }).default({}),
    status: 201,
    answer: z.object({ token: z.string(), expiresAt: timestamp }),
    errors: ['user-not-found', 'limit-exceeded'],
  }),
  revokeUserTokens: endpoint({
    name: 'revokeUserTokens',
    tag: 'users',
    method: 'POST',
    path: '/v1/users/{userId}/revoke-tokens',
    auth: 'key',
    summary: 'Refuse every token of the user issued until now, and cut the connections within a second',
    params: byUser,
    status: 200,
    answer: done,
    errors: ['user-not-found'],
  }),
  listDevices: endpoint({
    name: 'listDevices',
    tag: 'users',
    method: 'GET',
    path: '/v1/users/{userId}/devices',
    auth: 'key-or-user',
    summary: 'Devices of a user',
    params: byUser,
    status: 200,
    answer: pageOf(deviceState),
    errors: ['user-not-found', 'forbidden'],
  }),
  removeDevice: endpoint({
    name: 'removeDevice',
    tag: 'users',
    method: 'DELETE',
    path: '/v1/users/{userId}/devices/{deviceId}',
    auth: 'key-or-user',
    audit: true,
    summary: 'Forget a device and cut its connection',
    params: z.object({ userId: customId, deviceId: anyId }),
    status: 200,
    answer: done,
    errors: ['user-not-found', 'not-found', 'forbidden'],
  }),
  getPresence: endpoint({
    name: 'getPresence',
    tag: 'users',
    method: 'GET',
    path: '/v1/users/{userId}/presence',
    auth: 'key-or-user',
    summary: 'Whether a user is online, and on which platforms',
    params: byUser,
    status: 200,
    answer: presence,
    errors: ['user-not-found'],
  }),
  queryPresence: endpoint({
    name: 'queryPresence',
    tag: 'users',
    method: 'POST',
    path: '/v1/presence/query',
    auth: 'key-or-user',
    summary: 'Presence of up to 500 users',
    body: z.object({ userIds: z.array(customId).min(1).max(500) }),
    status: 200,
    answer: z.object({ items: z.array(presence) }),
    errors: [],
    idempotencyKey: false,
  }),
} as const
