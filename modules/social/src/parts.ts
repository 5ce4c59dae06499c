import type { Outbox } from '@parley/core/outbox'
import type { Database } from '@parley/core/store'
import type { BlockView } from './block/block-view.ts'
import type { SocialConfig } from './config.ts'
import type { SocialPorts } from './ports.ts'
import type { SettingsStore } from './settings/settings-store.ts'

/** What the services of the module share. */
export interface SocialParts extends SocialPorts {
  database: Database
  outbox: Outbox
  config: SocialConfig
  view: BlockView
  settings: SettingsStore
}
