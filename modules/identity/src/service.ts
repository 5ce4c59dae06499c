import { AppError, type Presence, type ProjectSettings, type User } from '@parley/contracts'
import type { ProjectScope } from '@parley/core/store'

/** What identity offers to other modules; `apps/server` hands it over. */
export interface Identity {
  readonly users: Users
  readonly projects: Projects
  readonly presence: PresenceReader
  /** Makes a project and its first key, for a fresh installation. For the composition only. */
  bootstrap(name: string): Promise<{ projectId: string; keyId: string; keySecret: string }>
}

export interface Users {
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

export interface PresenceReader {
  /** In the order given, over all processes. */
  read(projectId: string, userIds: readonly string[]): Promise<Presence[]>
}

const namedMissing = 5

/** `user-not-found` that names a few of those who are missing. */
export function usersMissing(missing: readonly string[]): AppError {
  const named = missing.slice(0, namedMissing).map((userId) => JSON.stringify(userId))
  const more = missing.length > namedMissing ? ` and ${missing.length - namedMissing} more` : ''
  return new AppError('user-not-found', `There is no user ${named.join(', ')}${more}`)
}
