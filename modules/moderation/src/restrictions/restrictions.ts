import { AppError, type Restriction } from '@parley/contracts'
import type { Gateway } from '@parley/core/gateway'
import type { StoredEvent } from '@parley/core/outbox'
import type { Database, ProjectScope, Transaction } from '@parley/core/store'
import type { UserDirectory } from '../ports.ts'
import type { NewRestriction, RestrictionStore } from './restriction-store.ts'
import { RestrictionView } from './restriction-view.ts'

export interface RestrictionsOptions {
  database: Database
  store: RestrictionStore
  users: UserDirectory
  gateway: Pick<Gateway, 'closeWhere'>
}

/** Who may not speak, and who may not come in (MOD-30 to MOD-34). */
export class Restrictions {
  readonly view: RestrictionView
  readonly #options: RestrictionsOptions

  constructor(options: RestrictionsOptions) {
    this.#options = options
    const { database, store } = options
    this.view = new RestrictionView({
      read: (projectId) => store.readAll(database.project(projectId), projectId),
    })
  }

  /** Effective in this process before it resolves. Throws `user-not-found` and `limit-exceeded`. */
  async create(project: ProjectScope, given: NewRestriction): Promise<Restriction> {
    await this.#options.users.ensure(project, [given.userId])
    const made = await project.transaction((tx) => this.#options.store.create(tx, project.projectId, given))
    await this.#apply(project.projectId, made)
    return made
  }

  /** Within a transaction of the caller, who calls `applied` after the commit. */
  createIn(tx: Transaction, projectId: string, given: NewRestriction): Promise<Restriction> {
    return this.#options.store.create(tx, projectId, given)
  }

  /** Makes a committed restriction effective in this process. */
  async applied(projectId: string, restriction: Restriction): Promise<void> {
    await this.#apply(projectId, restriction)
  }

  async list(project: ProjectScope, userId: string): Promise<Restriction[]> {
    await this.#options.users.ensure(project, [userId])
    return this.#options.store.list(project, project.projectId, userId)
  }

  /** Throws `not-found`. */
  async lift(project: ProjectScope, userId: string, id: string): Promise<void> {
    const ended = await this.#end(project, { userId, id, reason: 'lifted' })
    if (ended === undefined) throw new AppError('not-found', 'There is no such restriction')
  }

  /** Tells that one is over, unless that was told. */
  async expire(project: ProjectScope, userId: string, id: string): Promise<void> {
    await this.#end(project, { userId, id, reason: 'expired' })
  }

  /** Throws `banned` for whoever may not come in. */
  async admit(projectId: string, userId: string): Promise<void> {
    if (await this.view.holding(projectId, userId, 'ban')) throw new AppError('banned')
  }

  /** What any process committed. */
  async handle({ projectId, type, data }: StoredEvent): Promise<void> {
    if (type === 'restriction.created' && 'restriction' in data)
      await this.#apply(projectId, data.restriction)
    if (type === 'restriction.ended' && 'restriction' in data)
      await this.view.ended(projectId, data.restriction)
  }

  async #end(
    project: ProjectScope,
    ending: { userId: string; id: string; reason: 'lifted' | 'expired' },
  ): Promise<Restriction | undefined> {
    const ended = await project.transaction((tx) => this.#options.store.end(tx, project.projectId, ending))
    if (ended) await this.view.ended(project.projectId, ended)
    return ended
  }

  async #apply(projectId: string, restriction: Restriction): Promise<void> {
    if (!(await this.view.created(projectId, restriction))) return
    const { kind, userId, untilMs, conversationId } = restriction
    if (kind !== 'ban' || conversationId !== undefined) return
    if (untilMs !== undefined && untilMs <= Date.now()) return
    this.#options.gateway.closeWhere(
      (session) => session.projectId === projectId && session.userId === userId,
      'banned',
    )
  }
}
