import { WebSocket as NodeWebSocket } from 'ws'
import type { Socket } from './socket.ts'

/** Node before 22 has no WebSocket of its own; one implementation everywhere keeps behaviour the same. */
export const openSocket = (url: string, subprotocol: string): Socket =>
  new NodeWebSocket(url, subprotocol) as unknown as Socket
