import type { Session } from './session.ts'

const noSessions: ReadonlySet<never> = new Set<never>()
const nobody: ReadonlyMap<string, never> = new Map<string, never>()

/** Who is connected to this process. Sets and maps handed out are live views. */
export class SessionDirectory<S extends Session> {
  readonly #projects = new Map<string, Map<string, Set<S>>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(session: S): void {
    let users = this.#projects.get(session.projectId)
    if (users === undefined) {
      users = new Map()
      this.#projects.set(session.projectId, users)
    }
    let sessions = users.get(session.userId)
    if (sessions === undefined) {
      sessions = new Set()
      users.set(session.userId, sessions)
    }
    sessions.add(session)
    this.#size++
  }

  remove(session: S): void {
    const users = this.#projects.get(session.projectId)
    const sessions = users?.get(session.userId)
    if (!users || !sessions?.delete(session)) return
    this.#size--
    if (sessions.size === 0) users.delete(session.userId)
    if (users.size === 0) this.#projects.delete(session.projectId)
  }

  sessionsOf(projectId: string, userId: string): ReadonlySet<S> {
    return this.#projects.get(projectId)?.get(userId) ?? noSessions
  }

  online(projectId: string): ReadonlyMap<string, ReadonlySet<S>> {
    return this.#projects.get(projectId) ?? nobody
  }

  *all(): Generator<S> {
    for (const users of this.#projects.values()) for (const sessions of users.values()) yield* sessions
  }
}
