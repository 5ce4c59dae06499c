import { readSettings } from '@parley/core/kernel'
import type { Platform } from '@parley/core/platform'
import { pushSettings } from './config.ts'
import { pushMigrations } from './migrations/index.ts'
import type { PushPorts } from './ports.ts'
import { registerPushRoutes } from './routes.ts'
import { PushService } from './service.ts'

/** Brings pushes up: schema, REST, and the loops that send. The platform's scope owns them. */
export async function createPush(platform: Platform, ports: PushPorts): Promise<PushService> {
  const { database, outbox, bus, masterKey, metrics, logger, scope, http, webhooks, kernel } = platform
  await database.migrate(pushMigrations)
  const push = new PushService({
    ...{ database, outbox, bus, masterKey, metrics, logger, scope, ports },
    settings: readSettings(pushSettings, platform.source),
    guard: webhooks.guard,
  })
  registerPushRoutes({ http, push, ports, allowPlain: kernel.mode === 'development' })
  return push
}
