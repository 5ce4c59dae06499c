import { noticeEndpoints as endpoints } from '@parley/contracts'
import type { Platform } from '@parley/core/platform'
import type { Operations } from '../operations.ts'
import type { Notices } from './notices.ts'

/** Notices over REST, realtime, and live to whoever is connected. Returns how to stop telling them. */
export function openNotices(platform: Platform, operations: Operations, notices: Notices): () => void {
  const { http } = platform
  operations.forUsers('notice.list', ({ projectId, userId }, range) => notices.list(projectId, userId, range))
  operations.forUsers('notice.read', ({ projectId, userId }, { no }) => notices.read(projectId, userId, no))

  http.route(endpoints.createNotice, ({ caller, body }) => notices.create(caller.projectId, body))
  http.route(endpoints.getNotice, ({ caller, params }) => notices.get(caller.projectId, params.noticeId))
  http.route(endpoints.withdrawNotice, async ({ caller, params }) => {
    await notices.withdraw(caller.projectId, params.noticeId)
    return { done: true as const }
  })
  http.route(endpoints.setUserTags, async ({ caller, params, body }) => ({
    tags: await notices.setTags(caller.projectId, params.userId, body.tags),
  }))
  http.route(endpoints.getUserTags, async ({ caller, params }) => ({
    tags: await notices.tags(caller.projectId, params.userId),
  }))
  return tellNotices(platform, notices)
}

function tellNotices({ outbox, gateway, logger }: Platform, notices: Notices): () => void {
  const hears = ({ chat }: { chat?: { read?: boolean | undefined } | undefined }): boolean =>
    chat?.read === true
  const tell = async (projectId: string, no: number): Promise<void> => {
    const online = [...gateway.online(projectId).keys()]
    if (online.length === 0) return
    const found = await notices.receivers(projectId, no, online)
    if (found === undefined) return
    const { notice, userIds } = found
    gateway.deliver(projectId, userIds, gateway.encode({ type: 'notice.created', notice }), hears)
  }
  // One after the other, so that users hear notices in the order of their numbers.
  let told: Promise<void> = Promise.resolve()
  return outbox.tail({
    types: ['notice.created', 'notice.withdrawn'],
    handle: (events) => {
      for (const { projectId, type, data } of events) {
        const { noticeId, no } = data as { noticeId: string; no: number }
        told = told
          .then(() => {
            if (type === 'notice.created') return tell(projectId, no)
            const frame = gateway.encode({ type: 'notice.withdrawn', noticeId })
            return void gateway.deliver(projectId, gateway.online(projectId).keys(), frame, hears)
          })
          .catch((error: unknown) => logger.warn({ error }, 'a notice was not told live; reading finds it'))
      }
    },
  })
}
