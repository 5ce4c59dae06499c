import { dataEndpoints } from '@parley/contracts'
import type { Platform } from '@parley/core/platform'
import type { ProjectScope } from '@parley/core/store'
import { corePlaces, objectPlaces, outboxPlace } from './core-places.ts'
import { Erasures } from './erasures.ts'
import { Exports } from './exports.ts'
import { Holds } from './holds.ts'
import { personalDataMigrations } from './migrations.ts'
import type { PersonalData } from './personal-data.ts'

export interface PersonalDataOptions {
  /** What the modules keep; the first is asked first. Identity comes first, so that nothing new arrives. */
  sources: readonly PersonalData[]
  /** Throws `user-not-found`. */
  requireUser(project: ProjectScope, userId: string): Promise<void>
  /** Throws `conversation-not-found`. */
  requireConversation(project: ProjectScope, conversationId: string): Promise<void>
}

const exportsJob = 'personal-remove-exports'

/** Opens exports, erasures and holds over what all modules keep. Comes after the modules. */
export async function openPersonalData(platform: Platform, options: PersonalDataOptions): Promise<void> {
  const { database, http, jobs, objects, masterKey, longOperations: operations } = platform
  await database.migrate(personalDataMigrations)
  const exports = new Exports({ database, objects, operations, sources: options.sources })
  const erasures = new Erasures({
    ...{ database, operations, masterKey },
    sources: [...options.sources, objectPlaces(objects), corePlaces, outboxPlace],
  })
  const holds = new Holds(database)
  jobs.define({ name: exportsJob, handle: () => exports.removeExpired() })
  await jobs.schedule(exportsJob, { everyMs: 3_600_000 })

  http.route(dataEndpoints.createExport, async ({ project, body, settle }) => {
    const { userId, conversationId } = body
    if (userId !== undefined) await options.requireUser(project, userId)
    if (conversationId !== undefined) await options.requireConversation(project, conversationId)
    return exports.start(project, body, settle)
  })
  http.route(dataEndpoints.getExport, ({ project, params }) => exports.get(project, params.operationId))
  http.route(dataEndpoints.eraseUser, async ({ project, params, body, settle }) => {
    await options.requireUser(project, params.userId)
    return erasures.start(project, params.userId, body.keepSenderId, settle)
  })
  http.route(dataEndpoints.getErasure, ({ project, params, query }) =>
    erasures.get(project, params.operationId, query.userId),
  )
  http.route(dataEndpoints.setHold, ({ project, body }) =>
    holds.set(project.projectId, body.kind, body.id, body.reason),
  )
  http.route(dataEndpoints.listHolds, ({ project, query }) => holds.list(project, query))
  http.route(dataEndpoints.liftHold, async ({ project, query }) => {
    await holds.lift(project.projectId, query.kind, query.id)
    return { done: true as const }
  })
}
