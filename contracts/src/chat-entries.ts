import { z } from 'zod'
import { copiedContent, storedContent, storedVariants } from './chat-content.ts'
import { conversationEntryVariants } from './chat-conversation-entries.ts'
import { anyId } from './ids.ts'
import { timestamp } from './pagination.ts'

const reactionCount = z.object({
  emoji: z.string(),
  count: z.int(),
  userIds: z.array(z.string()).meta({ description: 'The first of those who reacted, at most 20' }),
})
export type ReactionCount = z.infer<typeof reactionCount>

/**
 * What is known of a message beside its content: what it refers to, and what members have added since. An
 * `annotated` entry tells the ones that changed, each as it is then.
 */
export const messageFacts = z
  .object({
    replyTo: z
      .object({ messageId: z.string(), seq: z.int(), senderId: z.string(), content: copiedContent })
      .meta({ description: 'The message quoted, as it was; emptied when that is recalled' }),
    threadRootId: z.string().meta({ description: 'The message whose thread this belongs to' }),
    thread: z
      .object({ replyCount: z.int(), lastReplySeq: z.int() })
      .meta({ description: 'The thread that hangs on this message' }),
    forwardedFrom: z.object({ senderId: z.string(), createdAt: timestamp }),
    reactions: z.array(reactionCount),
    pinned: z.object({ userId: z.string(), at: timestamp }),
    extension: z
      .record(z.string(), z.object({ value: z.string(), version: z.int(), userId: z.string() }))
      .meta({ description: 'Keys and values that members put on the message' }),
    linkPreview: z.object({
      url: z.string(),
      title: z.string().optional(),
      description: z.string().optional(),
      imageUrl: z.string().optional(),
      siteName: z.string().optional(),
    }),
    poll: z.object({
      counts: z.array(z.int()).meta({ description: 'Votes by option' }),
      voters: z.int(),
      closedAt: timestamp.optional(),
    }),
    packet: z.object({
      state: z.enum(['open', 'claimed', 'refunded']).meta({
        description: '`claimed`: every share is taken; `refunded`: its time is over, the rest went back',
      }),
      claimedShares: z.int(),
      claimedAmount: z.int(),
      expiresAt: timestamp,
    }),
  })
  .partial()
export type MessageFacts = z.infer<typeof messageFacts>

const target = { targetId: anyId, targetSeq: z.int() }

/** What was done to a message, when an `annotated` entry says so. */
export const annotationKinds = [
  'reaction-added',
  'reaction-removed',
  'pinned',
  'unpinned',
  'extended',
  'link-previewed',
  'voted',
  'poll-closed',
  'packet-claimed',
  'packet-refunded',
  'stream-ended',
] as const
export type AnnotationKind = (typeof annotationKinds)[number]

/** Facts as an entry tells them: null says that there is none any more. */
const factsChange = z.object(
  Object.fromEntries(
    Object.entries(messageFacts.shape).map(([name, schema]) => [name, schema.unwrap().nullable().optional()]),
  ) as unknown as {
    [Name in keyof (typeof messageFacts)['shape']]: z.ZodOptional<
      z.ZodNullable<ReturnType<(typeof messageFacts)['shape'][Name]['unwrap']>>
    >
  },
)
export type FactsChange = z.infer<typeof factsChange>

/**
 * What an entry of the log holds: a message, a change of an earlier message (`edit`, `recall`, `expire`, `annotated`)
 * or a change of the conversation, all in one dense sequence. New content types may be added: a reader that does not
 * know a type shows nothing and keeps its `seq`.
 */
export const entryContent = z
  .discriminatedUnion('type', [
    ...storedVariants,
    z.object({ type: z.literal('edit'), ...target, content: storedContent }),
    z.object({ type: z.literal('recall'), ...target }),
    z.object({ type: z.literal('expire'), ...target }),
    z.object({
      type: z.literal('annotated'),
      ...target,
      kind: z.enum(annotationKinds),
      emoji: z.string().optional(),
      content: storedContent.optional().meta({ description: 'Where the content changed, too' }),
      facts: factsChange,
    }),
    ...conversationEntryVariants,
  ])
  .meta({ id: 'EntryContent' })
export type EntryContent = z.infer<typeof entryContent>

/** Content of an entry that changes an earlier message. */
export type MessageChange = Extract<EntryContent, { targetId: string }>

/** One entry of a conversation's log. Seq is dense from 1; `messageNo` counts the entries that bear unread. */
export const message = z
  .object({
    id: z.string(),
    conversationId: z.string(),
    seq: z.int(),
    messageNo: z.int(),
    senderId: z.string().meta({ description: 'User who caused the entry; empty for the system' }),
    clientMessageId: z.string().optional(),
    content: entryContent,
    createdAt: timestamp,
    editedAt: timestamp.optional(),
    recalledAt: timestamp.optional(),
    expiresAt: timestamp.optional().meta({ description: 'When the message is erased' }),
    burnAfterReadMs: z
      .int()
      .optional()
      .meta({ description: 'Erased so long after the first other member has read it' }),
    ...messageFacts.shape,
  })
  .meta({ id: 'Message' })
export type Message = z.infer<typeof message>
