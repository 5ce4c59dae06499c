import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { customId, text } from './ids.ts'
import { operation } from './operation.ts'
import { customData, done, timestamp } from './pagination.ts'

export const maxNoticeReceivers = 1_000
export const maxUserTags = 100
const maxNoticeTags = 20
const defaultNoticeMs = 30 * 86_400_000

/** What users are sorted by, for notices to some of them. */
export const userTag = text(64).min(1)
const userTags = z.object({ tags: z.array(userTag).max(maxUserTags) }).meta({ id: 'UserTags' })

/** Whom a notice is for: chosen users, users with any of the tags, or all of the project. */
export const noticeAudience = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('users'), userIds: z.array(customId).min(1).max(maxNoticeReceivers) }),
    z.object({ kind: z.literal('tags'), tags: z.array(userTag).min(1).max(maxNoticeTags) }),
    z.object({ kind: z.literal('all') }),
  ])
  .meta({ id: 'NoticeAudience' })
export type NoticeAudience = z.infer<typeof noticeAudience>

export const noticeContent = z
  .object({
    title: text(256).optional(),
    text: text(4_000),
    kind: text(128).optional().meta({ description: 'Name of the kind in the customer’s own application' }),
    custom: customData.optional(),
  })
  .meta({ id: 'NoticeContent' })

export const notice = z
  .object({
    id: z.string(),
    no: z.int().meta({ description: 'Grows within the project; a user sees some of the numbers' }),
    content: noticeContent,
    createdAt: timestamp,
    expiresAt: timestamp,
  })
  .meta({ id: 'Notice' })
export type Notice = z.infer<typeof notice>

const byNotice = z.object({ noticeId: customId })
const byUser = z.object({ userId: customId })
const common = { tag: 'notices' } as const

/** What a user does with notices. */
export const noticeOperations = {
  'notice.list': operation({
    ...common,
    name: 'listNotices',
    method: 'GET',
    right: 'read',
    path: '/v1/notices',
    summary: 'Notices to a user after a number, oldest first, with how many are unread',
    params: {},
    input: {
      afterNo: z.coerce.number().int().min(0).default(0),
      limit: z.coerce.number().int().min(1).max(200).default(50),
    },
    status: 200,
    answer: z.object({
      items: z.array(notice),
      readNo: z.int(),
      unread: z.int().min(0).max(999),
      more: z.boolean(),
    }),
    errors: [],
  }),
  'notice.read': operation({
    ...common,
    name: 'readNotices',
    method: 'PUT',
    right: 'read',
    path: '/v1/notices/read-cursor',
    summary: 'Everything up to a number is read; it never moves back',
    params: {},
    input: { no: z.int().min(0) },
    status: 200,
    answer: z.object({ readNo: z.int(), unread: z.int() }),
    errors: [],
  }),
} as const

/** What the customer's server does: sending notices, and sorting users by tags. */
export const noticeEndpoints = {
  createNotice: endpoint({
    ...common,
    name: 'createNotice',
    method: 'POST',
    path: '/v1/notices',
    auth: 'key',
    summary: 'Send a notice; it is written once however many it is for',
    body: z.object({
      audience: noticeAudience,
      content: noticeContent,
      expiresInMs: z
        .int()
        .min(1_000)
        .max(366 * 86_400_000)
        .default(defaultNoticeMs),
    }),
    status: 201,
    answer: notice,
    errors: ['user-not-found'],
  }),
  getNotice: endpoint({
    ...common,
    name: 'getNotice',
    method: 'GET',
    path: '/v1/notices/{noticeId}',
    auth: 'key',
    summary: 'One notice and whom it is for',
    params: byNotice,
    status: 200,
    answer: notice.extend({ audience: noticeAudience }),
    errors: ['not-found'],
  }),
  withdrawNotice: endpoint({
    ...common,
    name: 'withdrawNotice',
    method: 'DELETE',
    path: '/v1/notices/{noticeId}',
    auth: 'key',
    summary: 'Take a notice back: it is read and counted no more',
    params: byNotice,
    status: 200,
    answer: done,
    errors: ['not-found'],
  }),
  setUserTags: endpoint({
    ...common,
    name: 'setUserTags',
    method: 'PUT',
    path: '/v1/users/{userId}/tags',
    auth: 'key',
    audit: false,
    summary: 'Set all tags of a user',
    params: byUser,
    body: userTags,
    status: 200,
    answer: userTags,
    errors: ['user-not-found'],
  }),
  getUserTags: endpoint({
    ...common,
    name: 'getUserTags',
    method: 'GET',
    path: '/v1/users/{userId}/tags',
    auth: 'key',
    summary: 'Tags of a user',
    params: byUser,
    status: 200,
    answer: userTags,
    errors: ['user-not-found'],
  }),
} as const

export interface NoticeServerEvents {
  'notice.created': { notice: Notice }
  /** Taken back; whoever shows it stops. */
  'notice.withdrawn': { noticeId: string }
}
