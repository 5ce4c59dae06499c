import { dataEndpoints } from '@parley/contracts'
import { personalDataMigrations } from '@parley/core/personal-data'
import type { Platform } from '@parley/core/platform'
import type { MessageParts } from '../message/message-parts.ts'
import { Imports } from './imports.ts'
import { Retention } from './retention.ts'

const retentionJob = 'chat-retention'
const retentionEveryMs = 3_600_000
const retentionTimeoutMs = 3_600_000

/** Opens retention and imports. */
export async function startData(platform: Platform, parts: MessageParts): Promise<void> {
  const { database, http, jobs, objects, longOperations: operations } = platform
  await database.migrate(personalDataMigrations)
  const retention = new Retention({ database, attachments: parts.ports.attachments })
  const imports = new Imports({ parts, objects, operations, retention })
  http.route(dataEndpoints.getRetention, ({ project }) => retention.get(project))
  http.route(dataEndpoints.setRetention, async ({ project, body }) => {
    const status = await retention.set(project, body)
    await jobs.enqueue(database.system, { name: retentionJob, uniqueKey: 'now' })
    return status
  })
  jobs.define({
    name: retentionJob,
    timeoutMs: retentionTimeoutMs,
    handle: async (_, { signal }) => {
      const erased = await retention.run(signal)
      if (erased > 0) parts.logger.info({ erased }, 'retention has emptied messages')
    },
  })
  await jobs.schedule(retentionJob, { everyMs: retentionEveryMs })
  http.route(dataEndpoints.createImport, ({ project, body, settle }) => imports.start(project, body, settle))
  http.route(dataEndpoints.listImportErrors, ({ project, params, query }) =>
    imports.errors(project, params.operationId, query),
  )
}
