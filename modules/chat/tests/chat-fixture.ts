import { defaultProjectSettings } from '@parley/contracts'
import { InProcessBus } from '@parley/core/bus'
import type { Gateway } from '@parley/core/gateway'
import { readSettings, Scope, silentLogger } from '@parley/core/kernel'
import { Outbox } from '@parley/core/outbox'
import type { Database } from '@parley/core/store'
import { openTestDatabase } from '@parley/testing/postgres'
import { chatSettings } from '../src/config.ts'
import { chatMigrations } from '../src/migrations/index.ts'
import type { ChatPorts } from '../src/ports.ts'
import { ChatService } from '../src/service.ts'
import { startUserChanges } from '../src/sync/user-changes.ts'

/** Nobody is connected: what is stored is looked at. Delivery is tested over real sockets. */
const nobodyOnline = {
  online: () => new Map(),
  encode: () => undefined,
  deliver: () => undefined,
} as unknown as Gateway

export interface ChatFixture {
  database: Database
  outbox: Outbox
  /** Two processes on one database, in all but name. */
  chats: readonly [ChatService, ChatService]
  close(): Promise<void>
}

/** Chat over a database of its own, without doors. */
export async function openChat(
  ports: Partial<ChatPorts> = {},
  env: Record<string, string> = {},
): Promise<ChatFixture> {
  const { database, close } = await openTestDatabase({ migrations: [chatMigrations] })
  const scope = new Scope('test', silentLogger)
  const bus = new InProcessBus({ logger: silentLogger })
  const outbox = await Outbox.open({ database, bus, logger: silentLogger, scope })
  const settings = readSettings(chatSettings, { read: (name) => env[name] })
  const allPorts: ChatPorts = {
    users: { ensure: async () => undefined },
    projects: { settings: async () => ({ ...defaultProjectSettings }) },
    attachments: { describe: async () => new Map(), signUrl: () => '' },
    sendGuards: [],
    ...ports,
  }
  const open = (name: string): ChatService => {
    const options = { database, outbox, bus, gateway: nobodyOnline, logger: silentLogger, settings }
    return scope.own(name, new ChatService({ ...options, ports: allPorts }))
  }
  const chats = [open('first'), open('second')] as const
  startUserChanges(outbox, database)
  return {
    database,
    outbox,
    chats,
    close: async () => {
      await scope.close()
      await close()
    },
  }
}
