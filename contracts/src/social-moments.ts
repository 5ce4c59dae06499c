import { z } from 'zod'
import { attachment } from './chat-content.ts'
import { anyId, customId, text } from './ids.ts'
import { operation } from './operation.ts'
import { customData, done, pageOf, pageQuery, timestamp } from './pagination.ts'

export const maxMomentMedia = 9
export const maxMomentMentions = 50
const maxAudience = 200

const page = pageQuery.shape
const mentions = z
  .array(customId)
  .max(maxMomentMentions)
  .meta({ description: 'Told to those who may see it' })

export const momentVisibility = z.enum(['public', 'friends', 'followers', 'labels', 'me']).meta({
  id: 'MomentVisibility',
  description: 'Friends are those in the author’s list; labels: friends with any of the labels named',
})
export type MomentVisibility = z.infer<typeof momentVisibility>

const place = z
  .object({
    latitude: z.number().min(-90).max(90),
    longitude: z.number().min(-180).max(180),
    name: text(256).optional(),
  })
  .meta({ id: 'MomentPlace' })

export const moment = z
  .object({
    id: z.string(),
    authorId: customId,
    text: z.string(),
    media: z.array(attachment.extend({ objectId: z.string() })),
    location: place.optional(),
    mentions: z.array(customId),
    custom: customData.optional(),
    visibility: momentVisibility,
    audience: z
      .object({ labels: z.array(z.string()), excludedUserIds: z.array(customId) })
      .optional()
      .meta({ description: 'For the author only' }),
    likes: z.int(),
    comments: z.int(),
    liked: z.boolean().meta({ description: 'By the asking user' }),
    createdAt: timestamp,
  })
  .meta({ id: 'Moment' })
export type Moment = z.infer<typeof moment>

export const momentComment = z
  .object({
    id: z.string(),
    momentId: z.string(),
    authorId: customId,
    replyTo: z.object({ commentId: z.string(), userId: customId }).optional(),
    text: z.string(),
    mentions: z.array(customId),
    createdAt: timestamp,
  })
  .meta({ id: 'MomentComment' })
export type MomentComment = z.infer<typeof momentComment>

export const momentLike = z.object({ userId: customId, createdAt: timestamp }).meta({ id: 'MomentLike' })
export type MomentLike = z.infer<typeof momentLike>

export const interaction = z
  .object({
    no: z.int().meta({ description: 'Grows for each user; what was taken back leaves a gap' }),
    kind: z.enum(['liked', 'commented', 'replied', 'mentioned', 'followed']),
    actorId: customId,
    momentId: z.string().optional(),
    commentId: z.string().optional(),
    createdAt: timestamp,
  })
  .meta({ id: 'Interaction' })
export type Interaction = z.infer<typeof interaction>

const byMoment = { momentId: anyId }

export const momentOperations = {
  'moment.create': operation({
    tag: 'social',
    status: 201,
    name: 'createMoment',
    method: 'POST',
    right: 'send',
    path: '/v1/moments',
    summary: 'Publish a moment; it is written once however many may see it',
    params: {},
    input: {
      text: text(10_000).default(''),
      objectIds: z.array(anyId).max(maxMomentMedia).default([]),
      location: place.optional(),
      mentions: mentions.default([]),
      custom: customData.optional(),
      visibility: momentVisibility.default('friends'),
      labels: z.array(text(64).min(1)).max(maxAudience).default([]),
      excludedUserIds: z.array(customId).max(maxAudience).default([]),
      clientMomentId: customId.optional().meta({ description: 'The same again answers the same moment' }),
    },
    answer: moment,
    errors: [
      'user-not-found',
      'object-not-found',
      'content-rejected',
      'content-under-review',
      'muted',
      'banned',
    ],
  }),
  'moment.get': operation({
    tag: 'social',
    status: 200,
    name: 'getMoment',
    method: 'GET',
    right: 'read',
    path: '/v1/moments/{momentId}',
    summary: 'One moment, if the user may see it',
    params: byMoment,
    input: {},
    answer: moment,
    errors: ['not-found'],
  }),
  'moment.delete': operation({
    tag: 'social',
    status: 200,
    name: 'deleteMoment',
    method: 'DELETE',
    right: 'send',
    path: '/v1/moments/{momentId}',
    summary: 'Delete a moment with its likes and comments; with an API key any of the acting user',
    params: byMoment,
    input: {},
    answer: done,
    errors: ['not-found'],
  }),
  'moment.timeline': operation({
    tag: 'social',
    status: 200,
    name: 'listTimeline',
    method: 'GET',
    right: 'read',
    path: '/v1/timeline',
    summary: 'Moments of the user, of friends and of whom the user follows, newest first',
    params: {},
    input: page,
    answer: pageOf(moment),
    errors: ['invalid-cursor'],
  }),
  'moment.list': operation({
    tag: 'social',
    status: 200,
    name: 'listMoments',
    method: 'GET',
    right: 'read',
    path: '/v1/moments',
    summary:
      'Moments of one author as the acting user may see them, newest first; own ones when nobody is named',
    params: {},
    input: { ...page, authorId: customId.optional() },
    answer: pageOf(moment),
    errors: ['invalid-cursor'],
  }),
  'moment.like': operation({
    tag: 'social',
    status: 200,
    name: 'likeMoment',
    method: 'PUT',
    right: 'send',
    path: '/v1/moments/{momentId}/like',
    summary: 'Like a moment; again is the same',
    params: byMoment,
    input: {},
    answer: z.object({ likes: z.int() }),
    errors: ['not-found'],
  }),
  'moment.unlike': operation({
    tag: 'social',
    status: 200,
    name: 'unlikeMoment',
    method: 'DELETE',
    right: 'send',
    path: '/v1/moments/{momentId}/like',
    summary: 'Take a like back',
    params: byMoment,
    input: {},
    answer: z.object({ likes: z.int() }),
    errors: ['not-found'],
  }),
  'moment.list-likes': operation({
    tag: 'social',
    status: 200,
    name: 'listLikes',
    method: 'GET',
    right: 'read',
    path: '/v1/moments/{momentId}/likes',
    summary: 'Who likes a moment, by id; users in a block with the reader are left out',
    params: byMoment,
    input: page,
    answer: pageOf(momentLike),
    errors: ['not-found', 'invalid-cursor'],
  }),
  'moment.comment': operation({
    tag: 'social',
    status: 201,
    name: 'createComment',
    method: 'POST',
    right: 'send',
    path: '/v1/moments/{momentId}/comments',
    summary: 'Comment on a moment, or reply to a comment',
    params: byMoment,
    input: {
      text: text(2_000).min(1),
      replyToCommentId: anyId.optional(),
      mentions: mentions.default([]),
    },
    answer: momentComment,
    errors: [
      'not-found',
      'user-not-found',
      'blocked',
      'limit-exceeded',
      'content-rejected',
      'content-under-review',
      'muted',
      'banned',
    ],
  }),
  'moment.delete-comment': operation({
    tag: 'social',
    status: 200,
    name: 'deleteComment',
    method: 'DELETE',
    right: 'send',
    path: '/v1/moments/{momentId}/comments/{commentId}',
    summary: 'Delete a comment: who wrote it, or the author of the moment; replies stay',
    params: { ...byMoment, commentId: anyId },
    input: {},
    answer: done,
    errors: ['not-found', 'forbidden'],
  }),
  'moment.list-comments': operation({
    tag: 'social',
    status: 200,
    name: 'listComments',
    method: 'GET',
    right: 'read',
    path: '/v1/moments/{momentId}/comments',
    summary: 'Comments on a moment, oldest first; those of users in a block with the reader are left out',
    params: byMoment,
    input: page,
    answer: pageOf(momentComment),
    errors: ['not-found', 'invalid-cursor'],
  }),
  'interaction.list': operation({
    tag: 'social',
    status: 200,
    name: 'listInteractions',
    method: 'GET',
    right: 'read',
    path: '/v1/interactions',
    summary: 'Who liked, commented, mentioned or followed the user, newest first',
    params: {},
    input: page,
    answer: pageOf(interaction).extend({ unread: z.int().min(0).max(999), readNo: z.int() }),
    errors: ['invalid-cursor'],
  }),
  'interaction.read': operation({
    tag: 'social',
    status: 200,
    name: 'readInteractions',
    method: 'PUT',
    right: 'read',
    path: '/v1/interactions/read-cursor',
    summary: 'Everything up to a number is read; it never moves back',
    params: {},
    input: { no: z.int().min(0) },
    answer: z.object({ readNo: z.int(), unread: z.int().min(0).max(999) }),
    errors: [],
  }),
} as const
