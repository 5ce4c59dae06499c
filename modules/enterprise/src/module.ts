import { enterpriseEventTypes } from '@parley/contracts'
import { readSettings } from '@parley/core/kernel'
import type { Platform } from '@parley/core/platform'
import { OutgoingCalls } from '@parley/core/webhooks'
import { startApprovals } from './approvals/start-approvals.ts'
import { startBots } from './bots/start-bots.ts'
import { startCards } from './cards/start-cards.ts'
import { enterpriseSettings } from './config.ts'
import { startDirectory } from './directory/start-directory.ts'
import { openDoors } from './doors.ts'
import { enterpriseMigrations } from './migrations/index.ts'
import type { EnterprisePorts } from './ports.ts'

const socketsPerHost = 16

/**
 * Brings the organisation up: directory, webhook bots, cards and approvals, with their schema, REST and realtime. The
 * platform's scope owns what is started.
 */
export async function createEnterprise(platform: Platform, ports: EnterprisePorts): Promise<void> {
  const { database, http, gateway, webhooks } = platform
  const config = readSettings(enterpriseSettings, platform.source)
  const scope = platform.scope.child('enterprise')
  const logger = platform.logger.child({ module: 'enterprise' })
  await database.migrate(enterpriseMigrations)
  for (const type of enterpriseEventTypes) webhooks.forward(type)
  const doors = openDoors({ http, gateway })
  const calls = scope.own('calls', new OutgoingCalls(webhooks.guard, { socketsPerHost }))

  startDirectory(platform, { scope, doors, users: ports.users, config })
  const bots = startBots(platform, { ports, config })
  const approvals = startApprovals(platform, { scope, doors, ports, logger })
  startCards(platform, { doors, ports, config, calls, logger, bots, approvals })
}
