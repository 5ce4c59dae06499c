import { z } from 'zod'
import { anyId, customId, text } from './ids.ts'
import { timestamp } from './pagination.ts'

export const maxTextLength = 20_000
export const maxContentBytes = 32 * 1024
/** Most messages that one merged forward carries. */
export const maxMergedMessages = 100

/** Who a text calls by name: chosen users, everyone in the conversation, or everyone who is online. */
const mentions = z.object({
  userIds: z.array(customId).max(100).optional(),
  all: z.boolean().optional(),
  online: z.boolean().optional(),
})

const pixels = z.int().min(1).max(100_000)
const durationMs = z.int().min(0).max(86_400_000)

const textContent = z.object({
  type: z.literal('text'),
  text: text(maxTextLength).min(1),
  mentions: mentions.optional(),
})
const imageContent = z.object({
  type: z.literal('image'),
  objectId: anyId,
  width: pixels.optional(),
  height: pixels.optional(),
  caption: text(2_000).optional(),
})
const fileContent = z.object({ type: z.literal('file'), objectId: anyId, caption: text(2_000).optional() })
const voiceContent = z.object({
  type: z.literal('voice'),
  objectId: anyId,
  durationMs,
  waveform: z
    .array(z.int().min(0).max(255))
    .max(256)
    .optional()
    .meta({ description: 'Loudness over time, 0 to 255, equally spaced' }),
})
const videoContent = z.object({
  type: z.literal('video'),
  objectId: anyId,
  durationMs: durationMs.optional(),
  width: pixels.optional(),
  height: pixels.optional(),
  posterObjectId: anyId.optional().meta({ description: 'Image shown before it plays' }),
  caption: text(2_000).optional(),
})
const locationContent = z.object({
  type: z.literal('location'),
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  name: text(256).optional(),
  address: text(512).optional(),
})
const contactContent = z.object({
  type: z.literal('contact'),
  name: text(256).min(1),
  userId: customId.optional().meta({ description: 'The person as a user of the project' }),
  phone: text(32).optional(),
  email: text(254).optional(),
  avatarUrl: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional(),
  organization: text(256).optional(),
})
const stickerContent = z.object({
  type: z.literal('sticker'),
  setId: customId,
  stickerId: customId,
  emoji: text(32).optional(),
  objectId: anyId
    .optional()
    .meta({ description: 'The picture, where the set is not part of the application' }),
  width: pixels.optional(),
  height: pixels.optional(),
})
const mergedContent = z.object({
  type: z.literal('merged-forward'),
  title: text(256).optional(),
  messageIds: z.array(anyId).min(1).max(maxMergedMessages),
})
const pollContent = z.object({
  type: z.literal('poll'),
  question: text(500).min(1),
  options: z.array(text(200).min(1)).min(2).max(20),
  multiple: z.boolean().optional().meta({ description: 'More than one option may be chosen' }),
  anonymous: z.boolean().optional().meta({ description: 'Nobody sees who voted for what' }),
  closesAt: timestamp.optional(),
})
const packetContent = z
  .object({
    type: z.literal('packet'),
    kind: z.enum(['red-packet', 'gift']),
    split: z.enum(['random', 'equal']).optional().meta({ description: 'Equal when absent' }),
    amount: z
      .int()
      .min(1)
      .max(1_000_000_000_000)
      .meta({ description: 'All shares together, in units of 10^-scale of the currency' }),
    currency: text(16).min(1),
    scale: z.int().min(0).max(8),
    shares: z.int().min(1).max(500),
    greeting: text(256).optional(),
    onlyUserId: customId.optional().meta({ description: 'The one user who may take it' }),
    expiresAfterMs: z
      .int()
      .min(1_000)
      .max(30 * 86_400_000)
      .optional()
      .meta({ description: 'A day when absent' }),
  })
  .meta({ description: 'Money in shares; the customer’s server moves it, asked by blocking hooks' })
const customContent = z.object({
  type: z.literal('custom'),
  kind: text(128).min(1).meta({ description: 'Name of the message type in the customer’s own application' }),
  data: z.json(),
  summary: text(256).optional().meta({ description: 'Shown where the type is unknown: lists, pushes' }),
})

/** What a caller may send. */
export const messageContent = z
  .discriminatedUnion('type', [
    textContent,
    imageContent,
    fileContent,
    voiceContent,
    videoContent,
    locationContent,
    contactContent,
    stickerContent,
    mergedContent,
    pollContent,
    packetContent,
    customContent,
  ])
  .refine(
    (content) => JSON.stringify(content).length <= maxContentBytes,
    `must be at most ${maxContentBytes} bytes`,
  )
  .refine(
    (content) => content.type !== 'packet' || content.amount >= content.shares,
    'every share holds at least one unit',
  )
  .meta({ id: 'MessageContent' })
export type MessageContent = z.infer<typeof messageContent>

/** Facts about the stored file, added by the server when the entry is written. */
export const attachment = z
  .object({
    name: z.string(),
    contentType: z.string(),
    sizeBytes: z.int(),
    width: z.int().optional().meta({ description: 'Of pictures and films, as shown. Pixels' }),
    height: z.int().optional(),
    durationMs: z.int().optional().meta({ description: 'Of sounds and films' }),
    url: z.string().optional().meta({ description: 'Signed address on the content origin; expires' }),
    thumbnailUrl: z.string().optional().meta({
      description: 'Of pictures: longest side 480; `size=160` and `size=1080` in its place work too',
    }),
  })
  .meta({ id: 'Attachment' })
export type Attachment = z.infer<typeof attachment>

const recalledContent = z
  .object({ type: z.literal('recalled') })
  .meta({ description: 'Stands where the content of a recalled message was' })
const expiredContent = z
  .object({ type: z.literal('expired') })
  .meta({ description: 'Stands where the content of a message was whose time is over' })
const hiddenContent = z
  .object({ type: z.literal('hidden') })
  .meta({ description: 'Stands where a message was that the reader deleted for themselves' })
const omittedContent = z
  .object({ type: z.literal('omitted'), of: z.string() })
  .meta({ description: 'A message of type `of` that is not copied along' })
const streamContent = z
  .object({
    type: z.literal('stream'),
    state: z.enum(['open', 'finished', 'interrupted']),
    text: z.string().meta({ description: 'Empty while it is open; see the stream' }),
    format: text(32).optional(),
  })
  .meta({ description: 'A text that grows while it is written, such as the answer of a model' })

const withFile = { attachment: attachment.optional() }

/** Contents that may be copied into another message. */
const plainVariants = [
  textContent,
  imageContent.extend(withFile),
  fileContent.extend(withFile),
  voiceContent.extend(withFile),
  videoContent.extend({ ...withFile, poster: attachment.optional() }),
  locationContent,
  contactContent,
  stickerContent.extend(withFile),
  customContent,
  recalledContent,
  expiredContent,
  omittedContent,
] as const

export const copiedContent = z.discriminatedUnion('type', plainVariants).meta({ id: 'CopiedContent' })
export type CopiedContent = z.infer<typeof copiedContent>

/** A message as it was when it was copied into a merged forward. */
const mergedItem = z.object({ senderId: z.string(), createdAt: timestamp, content: copiedContent })
export type MergedItem = z.infer<typeof mergedItem>

/** Content of a message as it is stored and read: what was sent, with facts about the file. */
export const storedVariants = [
  ...plainVariants,
  z.object({
    type: z.literal('merged-forward'),
    title: z.string().optional(),
    items: z.array(mergedItem).max(maxMergedMessages),
  }),
  pollContent,
  packetContent,
  streamContent,
  hiddenContent,
] as const
export const storedContent = z.discriminatedUnion('type', storedVariants).meta({ id: 'StoredContent' })
export type StoredContent = z.infer<typeof storedContent>
