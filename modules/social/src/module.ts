import { AppError, socialEventTypes, socialOperations } from '@parley/contracts'
import { readSettings } from '@parley/core/kernel'
import { type OperationCall, Operations } from '@parley/core/operations'
import type { StoredEvent } from '@parley/core/outbox'
import type { Platform } from '@parley/core/platform'
import { readBlocks, whoBlocks } from './block/block-store.ts'
import { BlockView } from './block/block-view.ts'
import { Blocks } from './block/blocks.ts'
import { socialModuleSettings } from './config.ts'
import { Follows } from './follow/follows.ts'
import { FriendRequests } from './friend/friend-requests.ts'
import { Friends } from './friend/friends.ts'
import { Interactions } from './interaction/interactions.ts'
import { LiveEvents, liveTypes } from './live-events.ts'
import { socialMigrations } from './migrations/index.ts'
import { filesInMoments } from './moment/files-in-moments.ts'
import { Moments } from './moment/moments.ts'
import { Responses } from './moment/responses.ts'
import type { SocialParts } from './parts.ts'
import type { SocialPorts } from './ports.ts'
import { Profiles } from './profile/profiles.ts'
import { UserSearch } from './profile/user-search.ts'
import { registerOperations, registerServerRoutes, type SocialServices } from './routes.ts'
import type { Social } from './service.ts'
import { SettingsStore } from './settings/settings-store.ts'

/** Brings social up: schema, REST, realtime, the views of this process. Chat is made after it and handed its guards. */
export async function createSocial(platform: Platform, ports: SocialPorts): Promise<Social> {
  const { database, outbox, gateway, http, webhooks } = platform
  const config = readSettings(socialModuleSettings, platform.source)
  const scope = platform.scope.child('social')
  const logger = platform.logger.child({ module: 'social' })
  await database.migrate(socialMigrations)

  const view = new BlockView({
    read: (projectId, userId) => readBlocks(database.project(projectId), projectId, userId),
    capacity: config.viewEntries,
  })
  const settings = new SettingsStore(database, outbox)
  const parts: SocialParts = { ...ports, database, outbox, config, view, settings }
  const profiles = new Profiles(parts)
  const services: SocialServices = {
    blocks: new Blocks(parts),
    friends: new Friends(parts),
    requests: new FriendRequests(parts),
    follows: new Follows(parts),
    profiles,
    search: new UserSearch(parts, profiles),
    moments: new Moments(parts),
    responses: new Responses(parts),
    interactions: new Interactions(parts),
    settings,
  }
  const { blocks, search, interactions } = services
  ports.presence?.hideBy((projectId, readerId, userIds) =>
    whoBlocks(database.project(projectId), projectId, readerId, userIds),
  )
  registerOperations(new Operations({ http, gateway, operations: socialOperations, authorize }), services)
  registerServerRoutes(http, services)
  for (const type of socialEventTypes) webhooks.forward(type)

  const live = new LiveEvents({ parts, gateway, interactions, logger })
  scope.own('live events', live)
  const stopTail = outbox.tail({
    types: [...liveTypes, 'social.settings-changed'],
    handle: (events) => {
      for (const event of events) refresh(event, parts)
      live.take(events.filter(({ type }) => type !== 'social.settings-changed'))
    },
  })
  scope.onClose('tail', stopTail)
  outbox.consume('social-names', {
    types: ['user.created', 'user.updated'],
    handle: (events) => search.takeNames(events),
  })

  return {
    blocks: (projectId, userId, otherId) => view.blocks(projectId, userId, otherId),
    whoBlocks: (project, otherId, userIds) => whoBlocks(project, project.projectId, otherId, userIds),
    filesInMoments,
    sendGuard: blocks.sendGuard(),
    joinGuard: blocks.joinGuard(),
  }
}

function refresh({ projectId, type, data }: StoredEvent, { view, settings, presence }: SocialParts): void {
  if (type === 'social.settings-changed') settings.forget(projectId)
  if ((type === 'user.blocked' || type === 'user.unblocked') && 'blockedId' in data) {
    view.forget(projectId, data.userId)
    if (type === 'user.blocked') presence?.conceal(projectId, data.blockedId, data.userId)
  }
}

/** People belong to no conversation: a token that is limited to some opens none of this. */
function authorize({ grants, right }: OperationCall): void {
  if (grants === undefined) return
  if (grants.chat?.[right] !== true)
    throw new AppError('grant-missing', `The token holds no grant chat.${right}`)
  if (grants.chat.conversations !== undefined) {
    throw new AppError('grant-missing', 'The token is limited to conversations')
  }
}
