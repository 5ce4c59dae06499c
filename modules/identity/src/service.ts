import { AppError, type Presence, type ProjectSettings, type User } from '@parley/contracts'
import type { PersonalData } from '@parley/core/personal-data'
import type { ProjectScope } from '@parley/core/store'

/** What identity offers to other modules; `apps/server` hands it over. */
export interface Identity {
  readonly users: Users
  readonly projects: Projects
  readonly presence: PresenceReader
  /** Asked from then on before a profile that a user gives is stored. One gate; it is made after identity. */
  screenProfilesBy(gate: ProfileGate): void
  /** What identity keeps of a user. */
  readonly personalData: PersonalData
  /** Makes a project and its first key, for a fresh installation. For the composition only. */
  bootstrap(name: string): Promise<{ projectId: string; keyId: string; keySecret: string }>
}

/** What a user wants everybody to see. */
export interface GivenProfile {
  name?: string | undefined
  avatarUrl?: string | undefined
}

/** Answers the profile as it may be stored, or throws the AppError that the user gets. Offered by moderation. */
export type ProfileGate = (projectId: string, userId: string, given: GivenProfile) => Promise<GivenProfile>

export interface Users {
  /** Makes those who are not there yet. */
  make(projectId: string, userIds: readonly string[]): Promise<void>
  /** Which of these users exist. Users once seen are answered from memory. */
  exists(projectId: string, userIds: Iterable<string>): Promise<ReadonlySet<string>>
  /** Throws `user-not-found`, naming the first missing ids, unless all exist. */
  ensure(scope: ProjectScope, userIds: Iterable<string>): Promise<void>
  get(scope: ProjectScope, userId: string): Promise<User | undefined>
  getMany(scope: ProjectScope, userIds: readonly string[]): Promise<Map<string, User>>
}

export interface Projects {
  /** As this process knows them within about a second. */
  settings(projectId: string): Promise<ProjectSettings>
}

/** Answers who of these users look offline to the reader. */
export type PresenceHiding = (
  projectId: string,
  readerId: string,
  userIds: readonly string[],
) => Promise<ReadonlySet<string>>

export interface PresenceReader {
  /** In the order given, over all processes. */
  read(projectId: string, userIds: readonly string[]): Promise<Presence[]>
  /** Asked whose presence is kept from a user; they look offline to that user from then on. One check. */
  hideBy(check: PresenceHiding): void
  /** Somebody's presence is kept from a user from now on: what the user watches of it here ends, as offline. */
  conceal(projectId: string, readerId: string, userId: string): void
}

const namedMissing = 5

/** `user-not-found` that names a few of those who are missing. */
export function usersMissing(missing: readonly string[]): AppError {
  const named = missing.slice(0, namedMissing).map((userId) => JSON.stringify(userId))
  const more = missing.length > namedMissing ? ` and ${missing.length - namedMissing} more` : ''
  return new AppError('user-not-found', `There is no user ${named.join(', ')}${more}`)
}
