import {
  AppError,
  type GroupSettings,
  type GroupSettingsChange,
  type MemberRole,
  type MuteAll,
  type PermittedRoles,
} from '@parley/contracts'

/** A group that says nothing of itself is run like this. */
export const defaultGroupSettings: GroupSettings = {
  joinPolicy: 'invite-only',
  invitationConsent: false,
  joinRequestTtlMs: 7 * 86_400_000,
  whoMay: {
    invite: 'admins',
    editProfile: 'admins',
    send: 'all',
    editAttributes: 'admins',
    announce: 'admins',
  },
}

/** Settings as they are after a change; what is stored names only what differs from the defaults. */
export function withSettings(current: GroupSettings, change: GroupSettingsChange | null): GroupSettings {
  if (change === null) return current
  return { ...current, ...change, whoMay: { ...current.whoMay, ...change.whoMay } } as GroupSettings
}

/** What decides whether a member may speak now. */
export interface GroupRules {
  settings: GroupSettings
  muteAll: MuteAll | undefined
}

/** Rules from the columns `settings` and `mute_all` of a conversation. */
export function rulesOf(row: { settings: GroupSettingsChange | null; mute_all: MuteAll | null }): GroupRules {
  return { settings: withSettings(defaultGroupSettings, row.settings), muteAll: row.mute_all ?? undefined }
}

export function allows(whom: PermittedRoles, role: MemberRole): boolean {
  return whom === 'all' || role === 'owner' || (whom === 'admins' && role === 'admin')
}

/**
 * Who somebody is in a channel: who runs the community runs its channels, a public one takes everybody from it.
 * Undefined: nobody there.
 */
export function roleInChannel(
  isPublic: boolean,
  inCommunity: MemberRole | undefined,
  inChannel: MemberRole | undefined,
): MemberRole | undefined {
  if (inCommunity === undefined) return undefined
  if (inCommunity !== 'member') return inCommunity
  return isPublic ? inCommunity : inChannel
}

export const noTalkInCommunity = (): AppError =>
  new AppError('forbidden', 'A community is spoken in by its channels')

export interface Speaker {
  userId: string
  role: MemberRole
  /** Milliseconds since 1970; absent: not muted. */
  mutedUntilMs: number | undefined
}

/** Why a member may not speak now; undefined when nothing is against it. */
export function whySilent(
  { settings, muteAll }: GroupRules,
  { userId, role, mutedUntilMs }: Speaker,
  nowMs: number = Date.now(),
): AppError | undefined {
  if (mutedUntilMs !== undefined && mutedUntilMs > nowMs)
    return new AppError('muted', `${userId} is muted here`)
  if (!allows(settings.whoMay.send, role))
    return new AppError('forbidden', 'Not everybody may send to this group')
  if (muteAll === undefined || muteAll.exemptRoles.includes(role) || muteAll.exemptUserIds.includes(userId))
    return undefined
  if (muteAll.until !== undefined && Date.parse(muteAll.until) <= nowMs) return undefined
  return new AppError('muted', 'Everybody is muted here')
}
