import type { Scope } from '@parley/core/kernel'
import type { Platform } from '@parley/core/platform'
import type { ChatSettings } from '../config.ts'
import type { Operations } from '../operations.ts'
import type { ChatPorts } from '../ports.ts'
import { registerChatRooms } from './chatroom-operations.ts'
import { ChatRooms } from './chatrooms.ts'
import { RoomPresence } from './room-presence.ts'

const tellOnlineMs = 5_000

export interface ChatRoomParts {
  platform: Platform
  operations: Operations
  settings: ChatSettings
  ports: ChatPorts
  scope: Scope
}

/** Starts chat rooms; `scope` owns presence, rooms and their timers, and closes rooms first. */
export async function startChatRooms({
  platform,
  operations,
  settings,
  ports,
  scope,
}: ChatRoomParts): Promise<void> {
  const { database, bus, gateway, metrics, processId } = platform
  const logger = platform.logger.child({ module: 'chat', part: 'chatroom' })
  const dropped = metrics.counter({
    name: 'chatroom_dropped_messages_total',
    help: 'Messages of chat rooms left out under load, by priority, a process',
    labels: ['priority'],
  })
  const presence = await RoomPresence.open({ database, processId, scope, logger })
  const onDropped = (priority: string) => dropped.inc({ priority })
  const rooms = new ChatRooms({ database, bus, gateway, logger, settings, ports, presence, onDropped })
  scope.own('chatrooms', rooms)
  registerChatRooms(operations, rooms)
  gateway.onClosed((session) => rooms.ended(session))
  scope.every('chatroom online', tellOnlineMs, () => {
    rooms.tellOnline().catch((error: unknown) => logger.warn({ error }, 'online counts were not told'))
  })
}
