import { z } from 'zod'
import { customId, text } from './ids.ts'
import { customData, timestamp } from './pagination.ts'

export const memberRole = z.enum(['owner', 'admin', 'member']).meta({ id: 'MemberRole' })
export type MemberRole = z.infer<typeof memberRole>

/** What the people of a group see of it. */
export const conversationProfile = {
  name: text(256).optional(),
  avatarUrl: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional(),
  custom: customData.optional(),
}

/** Who in a group may do something: everyone in it, owner and admins, or the owner alone. */
export const permittedRoles = z.enum(['all', 'admins', 'owner']).meta({ id: 'PermittedRoles' })
export type PermittedRoles = z.infer<typeof permittedRoles>

const whoMay = z.object({
  invite: permittedRoles.meta({ description: 'Add and invite; make invitation links' }),
  editProfile: permittedRoles,
  send: permittedRoles,
  editAttributes: permittedRoles,
  announce: permittedRoles,
})

/** How a group is run. */
export const groupSettings = z
  .object({
    joinPolicy: z.enum(['open', 'approval', 'invite-only']).meta({
      description:
        '`open`: whoever asks is in; `approval`: owner and admins decide; `invite-only`: nobody asks',
    }),
    invitationConsent: z.boolean().meta({ description: 'Whoever is invited is asked before being a member' }),
    joinRequestTtlMs: z
      .int()
      .min(60_000)
      .max(365 * 86_400_000)
      .meta({ description: 'How long join requests and invitations stay open' }),
    whoMay,
  })
  .meta({ id: 'GroupSettings' })
export type GroupSettings = z.infer<typeof groupSettings>

export const groupSettingsChange = groupSettings.partial().extend({ whoMay: whoMay.partial().optional() })
export type GroupSettingsChange = z.infer<typeof groupSettingsChange>

export const maxExemptUsers = 100

/** Everybody in a group is silent but these. */
export const muteAll = z
  .object({
    until: timestamp.optional().meta({ description: 'Absent: until it is lifted' }),
    exemptRoles: z.array(memberRole).max(3),
    exemptUserIds: z.array(customId).max(maxExemptUsers),
  })
  .meta({ id: 'MuteAll' })
export type MuteAll = z.infer<typeof muteAll>

export const maxAnnouncementLength = 4_000
export const attributeKey = text(128).min(1)
export const attributeValue = text(4_096)

const expiryMs = z
  .int()
  .min(1_000)
  .max(366 * 86_400_000)

/** How long messages of a conversation live, unless the message says otherwise. */
export const messageExpiry = z
  .object({
    expiresAfterMs: expiryMs.optional().meta({ description: 'After sending' }),
    burnAfterReadMs: expiryMs.optional().meta({ description: 'After the first other member has read it' }),
  })
  .meta({ id: 'MessageExpiry' })
export type MessageExpiry = z.infer<typeof messageExpiry>

/** Entries that change a conversation; each bears no unread. */
export const conversationEntryVariants = [
  z.object({
    type: z.literal('members-added'),
    members: z.array(z.object({ userId: customId, role: memberRole })),
  }),
  z.object({
    type: z.literal('members-removed'),
    userIds: z.array(customId),
    left: z.boolean(),
    banned: z.boolean().optional(),
    reason: z.string().optional(),
  }),
  z.object({ type: z.literal('profile-changed'), ...conversationProfile }),
  z.object({ type: z.literal('settings-changed'), settings: groupSettingsChange }),
  z.object({
    type: z.literal('member-changed'),
    userId: customId,
    role: memberRole.optional(),
    nickname: z.string().nullable().optional(),
    custom: customData.optional(),
  }),
  z.object({
    type: z.literal('owner-changed'),
    ownerId: customId,
    previousOwnerId: customId.optional(),
  }),
  z.object({
    type: z.literal('member-muted'),
    userId: customId,
    until: timestamp.optional(),
    reason: z.string().optional(),
  }),
  z.object({ type: z.literal('member-unmuted'), userId: customId }),
  z.object({ type: z.literal('all-muted'), muteAll }),
  z.object({ type: z.literal('all-unmuted') }),
  z.object({ type: z.literal('announcement-changed'), text: z.string() }),
  z.object({
    type: z.literal('attributes-changed'),
    set: z.record(z.string(), z.string()),
    removed: z.array(z.string()),
  }),
  z.object({ type: z.literal('expiry-changed'), messageExpiry }),
  z.object({ type: z.literal('channel-added'), channelId: customId }),
  z.object({ type: z.literal('dissolved') }),
] as const

type ConversationEntryType = (typeof conversationEntryVariants)[number]['shape']['type']['value']

const conversationEntryTypes: ReadonlySet<string> = new Set(
  conversationEntryVariants.map(({ shape }) => shape.type.value),
)

/** True for the content of an entry that changes the conversation itself. */
export function changesConversation<Content extends { type: string }>(
  content: Content,
): content is Extract<Content, { type: ConversationEntryType }> {
  return conversationEntryTypes.has(content.type)
}
