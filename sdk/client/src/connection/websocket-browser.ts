import type { Socket } from './socket.ts'

export const openSocket = (url: string, subprotocol: string): Socket =>
  new WebSocket(url, subprotocol) as unknown as Socket
