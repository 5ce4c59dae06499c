import type { Operations } from '../operations.ts'
import type { MessageSearch } from './message-search.ts'

export function registerSearch(operations: Operations, search: MessageSearch): void {
  operations.forUsers('message.search', ({ projectId, userId }, query) =>
    search.search(projectId, userId, query),
  )
}
