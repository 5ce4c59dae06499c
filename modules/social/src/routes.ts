import { type SocialOperations, socialServerEndpoints } from '@parley/contracts'
import type { HttpServer } from '@parley/core/http'
import type { Operations } from '@parley/core/operations'
import type { Blocks } from './block/blocks.ts'
import type { Follows } from './follow/follows.ts'
import type { FriendRequests } from './friend/friend-requests.ts'
import type { Friends } from './friend/friends.ts'
import type { Interactions } from './interaction/interactions.ts'
import type { Moments } from './moment/moments.ts'
import type { Responses } from './moment/responses.ts'
import type { Profiles } from './profile/profiles.ts'
import type { UserSearch } from './profile/user-search.ts'
import type { SettingsStore } from './settings/settings-store.ts'

export interface SocialServices {
  blocks: Blocks
  friends: Friends
  requests: FriendRequests
  follows: Follows
  profiles: Profiles
  search: UserSearch
  moments: Moments
  responses: Responses
  interactions: Interactions
  settings: SettingsStore
}

const done = { done: true as const }

export function registerOperations(operations: Operations<SocialOperations>, services: SocialServices): void {
  registerPeople(operations, services)
  registerMoments(operations, services)
}

function registerPeople(on: Operations<SocialOperations>, services: SocialServices): void {
  const { blocks, friends, requests, follows, profiles, search } = services
  on.forUsers('block.add', (actor, { blockedId }) => blocks.add(actor, blockedId))
  on.forUsers('block.remove', async (actor, { blockedId }) => {
    await blocks.remove(actor, blockedId)
    return done
  })
  on.forUsers('block.list', (actor, page) => blocks.list(actor, page))

  on.forUsers('friend.request', (actor, asking) => requests.request(actor, asking))
  on.forUsers('friend.accept', (actor, { requestId, remark }) => requests.accept(actor, requestId, remark))
  on.forUsers('friend.reject', (actor, { requestId, reason }) =>
    requests.end(actor, requestId, { status: 'rejected', reason }),
  )
  on.forUsers('friend.withdraw', (actor, { requestId }) =>
    requests.end(actor, requestId, { status: 'withdrawn' }),
  )
  on.forUsers('friend.list-requests', (actor, page) => requests.list(actor, page))
  on.forUsers('friend.list', (actor, page) => friends.list(actor, page))
  on.forUsers('friend.sync', (actor, range) => friends.sync(actor, range))
  on.forUsers('friend.get', (actor, { friendId }) => friends.get(actor, friendId))
  on.forUsers('friend.update', (actor, change) => friends.update(actor, change))
  on.forUsers('friend.remove', async (actor, { friendId, sides }) => {
    await friends.remove(actor, friendId, sides)
    return done
  })
  on.forUsers('friend.mutual', (actor, { friendId, ...page }) => friends.mutual(actor, friendId, page))
  on.forUsers('friend.list-labels', (actor) => friends.labels(actor))
  on.forUsers('friend.rename-label', async (actor, { label, name }) => {
    await friends.renameLabel(actor, label, name)
    return done
  })

  on.forUsers('follow.add', (actor, { followedId }) => follows.add(actor, followedId))
  on.forUsers('follow.remove', async (actor, { followedId }) => {
    await follows.remove(actor, followedId)
    return done
  })
  on.forUsers('follow.list-following', (actor, { ofUserId = actor.userId, ...page }) =>
    follows.list(actor, ofUserId, 'following', page),
  )
  on.forUsers('follow.list-followers', (actor, { ofUserId = actor.userId, ...page }) =>
    follows.list(actor, ofUserId, 'followers', page),
  )
  on.forUsers('relation.get', (actor, { otherId }) => follows.relation(actor, otherId))

  on.forAll('profile.query', async (actor, { userIds }) => ({ items: await profiles.query(actor, userIds) }))
  on.forUsers('profile.update', (actor, change) => profiles.update(actor, change))
  on.forAll('user.search', async (actor, question) => ({ items: await search.search(actor, question) }))
}

function registerMoments(on: Operations<SocialOperations>, services: SocialServices): void {
  const { moments, responses, interactions } = services
  on.forUsers('moment.create', (actor, given) => moments.create(actor, given))
  on.forAll('moment.get', (actor, { momentId }) => moments.get(actor, momentId))
  on.forAll('moment.delete', async (actor, { momentId }) => {
    await moments.remove(actor, momentId)
    return done
  })
  on.forUsers('moment.timeline', (actor, page) => moments.timeline(actor, page))
  on.forAll('moment.list', (actor, page) => moments.list(actor, page))
  on.forUsers('moment.like', (actor, { momentId }) => responses.like(actor, momentId))
  on.forUsers('moment.unlike', (actor, { momentId }) => responses.unlike(actor, momentId))
  on.forAll('moment.list-likes', (actor, { momentId, ...page }) => responses.likes(actor, momentId, page))
  on.forUsers('moment.comment', (actor, given) => responses.comment(actor, given))
  on.forAll('moment.delete-comment', async (actor, { momentId, commentId }) => {
    await responses.removeComment(actor, momentId, commentId)
    return done
  })
  on.forAll('moment.list-comments', (actor, { momentId, ...page }) =>
    responses.comments(actor, momentId, page),
  )
  on.forUsers('interaction.list', (actor, page) => interactions.list(actor, page))
  on.forUsers('interaction.read', (actor, { no }) => interactions.read(actor, no))
}

/** What only the customer's server does. */
export function registerServerRoutes(http: HttpServer, { settings, friends }: SocialServices): void {
  http.route(socialServerEndpoints.getSocialSettings, ({ caller }) => settings.get(caller.projectId))
  http.route(socialServerEndpoints.updateSocialSettings, ({ caller, body }) =>
    settings.update(caller.projectId, body),
  )
  http.route(socialServerEndpoints.importFriends, async ({ caller, body: { userId, friendIds } }) => ({
    added: await friends.import(caller.projectId, userId, friendIds),
  }))
}
