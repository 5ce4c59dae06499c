import { AppError, identityEndpoints } from '@parley/contracts'
import type { HttpServer } from '@parley/core/http'
import type { KeyStore } from './key-store.ts'

export function registerKeyRoutes(http: HttpServer, keys: KeyStore): void {
  http.route(identityEndpoints.createKey, ({ project, body, settle }) =>
    keys.create(project, body.name, settle),
  )
  http.route(identityEndpoints.listKeys, async ({ project }) => ({ items: await keys.list(project) }))
  http.route(identityEndpoints.revokeKey, ({ project, params, caller }) => {
    if (caller.keyId === params.keyId) {
      throw new AppError('conflict', 'A key does not revoke itself; call with the other live key')
    }
    return keys.revoke(project, params.keyId)
  })
}
