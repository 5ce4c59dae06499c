import type { StoredContent } from '@parley/contracts'
import type { Logger } from '@parley/core/kernel'
import type { Outbox } from '@parley/core/outbox'
import type { Database } from '@parley/core/store'
import type { ChatSettings } from '../config.ts'
import type { ConversationViews } from '../conversation/conversation-views.ts'
import type { Signals } from '../delivery/signals.ts'
import type { ChatPorts } from '../ports.ts'
import type { Annotations } from './annotate.ts'
import type { AppendedMessage, AppendedRun, OutgoingEntry } from './append.ts'
import type { ContentDecorator } from './entry-row.ts'
import type { History } from './history.ts'
import type { SendCommand } from './send.ts'

/** What the operations on messages stand on: one of each a process, owned by the service. */
export interface MessageParts {
  readonly database: Database
  readonly outbox: Outbox
  readonly ports: ChatPorts
  readonly settings: ChatSettings
  readonly views: ConversationViews
  readonly decorate: ContentDecorator
  readonly logger: Logger
  readonly annotations: Annotations
  readonly history: History
  readonly signals: Signals
  readonly onAppended: (run: AppendedRun) => void
  readonly send: (command: SendCommand) => Promise<AppendedMessage>
  /** Asked of every message that was admitted, in turn; the first that answers joins its transaction. */
  readonly onAdmitted: ((content: StoredContent) => OutgoingEntry['alongside'])[]
}
