import { directoryServerEndpoints as endpoints } from '@parley/contracts'
import type { Scope } from '@parley/core/kernel'
import type { Platform } from '@parley/core/platform'
import type { EnterpriseConfig } from '../config.ts'
import type { Doors } from '../doors.ts'
import type { Users } from '../ports.ts'
import { DirectoryReader } from './directory-reader.ts'
import { DirectoryWriter } from './directory-writer.ts'
import { Imports, importJob } from './imports.ts'

const tellEveryMs = 1_000

/** The directory: REST, realtime, imports, and telling devices that it moved. Two imports of a project never run at once. */
export function startDirectory(
  platform: Platform,
  { scope, doors, users, config }: { scope: Scope; doors: Doors; users: Users; config: EnterpriseConfig },
): DirectoryReader {
  const { database, outbox, masterKey, http, jobs, gateway } = platform
  const reader = new DirectoryReader({ database, masterKey })
  const { maxDepartments, importBatch: batch } = config
  const writer = new DirectoryWriter({ database, outbox, masterKey, users, maxDepartments })
  const imports = new Imports({ database, jobs, masterKey, writer, users, batch })
  jobs.define({
    name: importJob,
    handle: (_payload, { projectId, signal }) => imports.runAll(projectId, signal),
  })
  const done = { done: true as const }

  http.route(
    endpoints.putDepartment,
    async ({ caller: { projectId }, params: { departmentId: id }, body }) => {
      await writer.putOne(projectId, { kind: 'departments', id, input: body })
      return reader.department({ projectId, userId: undefined }, id)
    },
  )
  http.route(endpoints.deleteDepartment, async ({ caller, params }) => {
    await writer.removeDepartment(caller.projectId, params.departmentId)
    return done
  })
  http.route(
    endpoints.putDirectoryMember,
    async ({ caller: { projectId }, params: { userId: id }, body }) => {
      await writer.putOne(projectId, { kind: 'members', id, input: body })
      return reader.member({ projectId, userId: undefined }, id)
    },
  )
  http.route(endpoints.deleteDirectoryMember, async ({ caller, params }) => {
    await writer.removeMember(caller.projectId, params.userId)
    return done
  })
  http.route(endpoints.listDirectoryTags, async ({ caller }) => ({
    items: await reader.tags(caller.projectId),
  }))
  http.route(endpoints.startDirectoryImport, ({ caller, body }) => imports.start(caller.projectId, body))
  http.route(endpoints.getDirectoryImport, ({ caller, params }) =>
    imports.get(caller.projectId, params.importId),
  )
  http.route(endpoints.listDirectoryImportFailures, ({ caller, params, query }) =>
    imports.failures(caller.projectId, params.importId, query),
  )

  doors.forAll('directory.departments', (actor, input) => {
    return reader.departments(actor, input)
  })
  doors.forAll('directory.department', (actor, { departmentId }) => {
    return reader.department(actor, departmentId)
  })
  doors.forAll('directory.members', (actor, input) => {
    return reader.members(actor, input)
  })
  doors.forAll('directory.member', (actor, { userId }) => {
    return reader.member(actor, userId)
  })
  doors.forAll('directory.search', async (actor, { text, limit }) => {
    return { items: await reader.search(actor, text, limit) }
  })
  doors.forAll('directory.sync', (actor, input) => {
    return reader.changes(actor, input)
  })

  const moved = new Map<string, number>()
  const stopTail = outbox.tail({
    types: ['department.changed', 'member.changed'],
    handle: (events) => {
      for (const { projectId } of events) moved.set(projectId, (moved.get(projectId) ?? 0) + 1)
    },
  })
  scope.onClose('directory tail', stopTail)
  // An import changes thousands of rows: devices hear of it once a second.
  scope.every('tell directory', tellEveryMs, () => {
    for (const [projectId, changes] of moved) {
      const online = gateway.online(projectId).keys()
      gateway.deliver(projectId, online, gateway.encode({ type: 'directory.changed', changes }), () => false)
    }
    moved.clear()
  })
  return reader
}
