import type { Restriction } from '@parley/contracts'

/** Ended ones that are remembered, so that news of their beginning that comes late changes nothing. */
const maxEnded = 10_000

interface ProjectEntry {
  ready: Promise<void>
  byUser: Map<string, Map<string, Restriction>>
}

/**
 * Restrictions of projects that are in use here, in memory: a look costs no query. Changes come from this process at
 * their commit and from all processes through the outbox; each may come twice.
 */
export class RestrictionView {
  readonly #projects = new Map<string, ProjectEntry>()
  readonly #ended = new Set<string>()
  readonly #read: (projectId: string) => Promise<Restriction[]>
  readonly #now: () => number

  constructor(options: { read: (projectId: string) => Promise<Restriction[]>; now?: () => number }) {
    this.#read = options.read
    this.#now = options.now ?? Date.now
  }

  /** The restriction of this kind that holds for the user now: everywhere, or in the conversation named. */
  async holding(
    projectId: string,
    userId: string,
    kind: Restriction['kind'],
    conversationId?: string,
  ): Promise<Restriction | undefined> {
    await this.#entry(projectId).ready
    return this.holdingNow(projectId, userId, kind, conversationId)
  }

  /** The same without waiting: knows nothing of projects that were not asked about yet. */
  holdingNow(
    projectId: string,
    userId: string,
    kind: Restriction['kind'],
    conversationId?: string,
  ): Restriction | undefined {
    const restrictions = this.#projects.get(projectId)?.byUser.get(userId)
    if (restrictions === undefined) return undefined
    for (const restriction of restrictions.values()) {
      const { untilMs, conversationId: only } = restriction
      if (restriction.kind !== kind || (only !== undefined && only !== conversationId)) continue
      if (untilMs === undefined || untilMs > this.#now()) return restriction
    }
    return undefined
  }

  /** False when it is known to have ended already. */
  async created(projectId: string, restriction: Restriction): Promise<boolean> {
    const entry = this.#projects.get(projectId)
    await entry?.ready
    if (this.#ended.has(restriction.id)) return false
    if (entry) put(entry, restriction)
    return true
  }

  async ended(projectId: string, { userId, id }: Pick<Restriction, 'userId' | 'id'>): Promise<void> {
    this.#ended.add(id)
    const [oldest] = this.#ended
    if (this.#ended.size > maxEnded && oldest !== undefined) this.#ended.delete(oldest)
    const entry = this.#projects.get(projectId)
    if (entry === undefined) return
    await entry.ready
    const restrictions = entry.byUser.get(userId)
    restrictions?.delete(id)
    if (restrictions?.size === 0) entry.byUser.delete(userId)
  }

  #entry(projectId: string): ProjectEntry {
    const known = this.#projects.get(projectId)
    if (known) return known
    const entry: ProjectEntry = { ready: Promise.resolve(), byUser: new Map() }
    this.#projects.set(projectId, entry)
    entry.ready = this.#read(projectId).then(
      (restrictions) => {
        for (const restriction of restrictions) put(entry, restriction)
      },
      (error: unknown) => {
        if (this.#projects.get(projectId) === entry) this.#projects.delete(projectId)
        throw error
      },
    )
    entry.ready.catch(() => undefined)
    return entry
  }
}

function put(entry: ProjectEntry, restriction: Restriction): void {
  const restrictions = entry.byUser.get(restriction.userId)
  if (restrictions) restrictions.set(restriction.id, restriction)
  else entry.byUser.set(restriction.userId, new Map([[restriction.id, restriction]]))
}
