import { AppError, objectEndpoints } from '@parley/contracts'
import type { KeyCaller, UserCaller } from '@parley/core/auth'
import type { HttpServer } from '@parley/core/http'
import type { ObjectService } from './object-service.ts'

/** Adds the REST of files. */
export function addObjectRoutes(http: HttpServer, objects: ObjectService): void {
  http.route(objectEndpoints.createUpload, async ({ caller, body, project, settle }) => {
    const { userId, ...file } = body
    const ownerId = ownerOf(caller, userId)
    return project.transaction(async (tx) => {
      const offer = await objects.createUpload(tx, project.projectId, { ...file, ownerId })
      await settle(tx, offer)
      return offer
    })
  })
  http.route(objectEndpoints.getObject, async ({ caller, params, project }) => {
    const object = await objects.find(project, params.objectId)
    // Readers of a message get the address with the message; the id alone opens a file for its owner only.
    if (caller.kind === 'user' && object.ownerId !== caller.userId) throw new AppError('object-not-found')
    return object
  })
  http.route(objectEndpoints.deleteUpload, async ({ caller, params, project }) => {
    const object = await objects.find(project, params.objectId)
    if (caller.kind === 'user' && object.ownerId !== caller.userId) throw new AppError('object-not-found')
    await objects.delete(project, params.objectId)
    return undefined
  })
  http.route(objectEndpoints.getStorageUsage, ({ project }) => objects.quota.usage(project))
}

function ownerOf(caller: KeyCaller | UserCaller, userId: string | undefined): string | undefined {
  if (caller.kind === 'key') return userId
  if (userId !== undefined && userId !== caller.userId) {
    throw new AppError('forbidden', 'Users upload for themselves only')
  }
  if (caller.grants !== undefined && caller.grants.chat?.send !== true) {
    throw new AppError('grant-missing', 'The token holds no grant chat.send')
  }
  return caller.userId
}
