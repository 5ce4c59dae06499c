import { longOperationEndpoints } from '@parley/contracts'
import type { HttpServer } from '@parley/core/http'
import type { LongOperations } from './long-operations.ts'

/** Adds the REST of long operations. */
export function addLongOperationRoutes(http: HttpServer, operations: LongOperations): void {
  const { getOperation, listOperations, cancelOperation } = longOperationEndpoints
  http.route(getOperation, ({ project, params }) => operations.get(project, params.operationId))
  http.route(listOperations, ({ project, query }) => operations.list(project, query))
  http.route(cancelOperation, ({ project, params }) => operations.cancel(project, params.operationId))
}
