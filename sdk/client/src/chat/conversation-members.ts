import type { chatEndpoints, EndpointAnswer, Member } from '@parley/contracts'
import { type Rest, segment } from '../rest.ts'

type Endpoints = typeof chatEndpoints
type MembersPage = EndpointAnswer<Endpoints['listMembers']>
type CursorsPage = EndpointAnswer<Endpoints['listReadCursors']>

/** Members of one conversation, over REST. */
export class ConversationMembers {
  readonly #rest: Rest
  readonly #path: string

  constructor(rest: Rest, conversationId: string) {
    this.#rest = rest
    this.#path = `/v1/conversations/${segment(conversationId)}`
  }

  /** By user id. */
  async list(): Promise<Member[]> {
    const members: Member[] = []
    for await (const page of this.#pages<MembersPage>('members')) members.push(...page.items)
    return members
  }

  async readCursors(): Promise<CursorsPage['items']> {
    const cursors: CursorsPage['items'] = []
    for await (const page of this.#pages<CursorsPage>('read-cursors')) cursors.push(...page.items)
    return cursors
  }

  async add(userIds: string[]): Promise<void> {
    await this.#rest.call('POST', `${this.#path}/members`, { body: { userIds } })
  }

  async remove(userId: string): Promise<void> {
    await this.#rest.call('DELETE', `${this.#path}/members/${segment(userId)}`)
  }

  async *#pages<Page extends { nextCursor?: string | undefined }>(what: string): AsyncGenerator<Page> {
    let cursor: string | undefined
    do {
      const page = await this.#rest.call<Page>('GET', `${this.#path}/${what}`, {
        query: { limit: 200, cursor },
      })
      yield page
      cursor = page.nextCursor
    } while (cursor !== undefined)
  }
}
