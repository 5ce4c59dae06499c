import type { ConversationView, EntryContent, Message } from '@parley/contracts'

/** The view after an entry that changes the group, as far as this user sees it; undefined when nothing shows. */
export function afterGroupChange(
  view: ConversationView,
  { content, senderId, createdAt }: Message,
  userId: string,
): ConversationView | undefined {
  switch (content.type) {
    case 'settings-changed': {
      const { settings } = view
      if (!settings) return undefined
      const whoMay = { ...settings.whoMay, ...content.settings.whoMay }
      return { ...view, settings: { ...settings, ...content.settings, whoMay } as typeof settings }
    }
    case 'owner-changed':
      if (content.ownerId === userId) return { ...view, role: 'owner' }
      return content.previousOwnerId === userId ? { ...view, role: 'admin' } : undefined
    case 'member-changed':
      return content.userId === userId && content.role ? { ...view, role: content.role } : undefined
    case 'member-muted':
      return content.userId === userId
        ? { ...view, mutedUntil: content.until ?? '9999-12-31T00:00:00.000Z' }
        : undefined
    case 'member-unmuted':
      return content.userId === userId ? without(view, 'mutedUntil') : undefined
    case 'all-muted':
      return { ...view, muteAll: content.muteAll }
    case 'all-unmuted':
      return without(view, 'muteAll')
    case 'announcement-changed': {
      const { text } = content
      if (text === '') return without(view, 'announcement')
      return {
        ...view,
        announcement: { text, announcedAt: createdAt, ...(senderId && { userId: senderId }) },
      }
    }
    case 'expiry-changed':
      return Object.keys(content.messageExpiry).length > 0
        ? { ...view, messageExpiry: content.messageExpiry }
        : without(view, 'messageExpiry')
    default:
      return undefined
  }
}

const groupChange =
  /^(settings|owner|member|announcement|attributes|expiry)-changed$|^(member|all)-(un)?muted$|^channel-added$/

/** True for entries that change how a group is run; who is in and the profile are told apart from them. */
export function changesGroup({ type }: EntryContent): boolean {
  return groupChange.test(type)
}

function without(
  view: ConversationView,
  key: 'mutedUntil' | 'muteAll' | 'announcement' | 'messageExpiry',
): ConversationView {
  const { [key]: _gone, ...rest } = view
  return rest
}
