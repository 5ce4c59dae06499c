/** What the SDK needs of a WebSocket; the browser's own and that of `ws` both have it. */
export interface Socket {
  readonly readyState: number
  onopen: ((event: never) => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number; reason: string }) => void) | null
  onerror: ((event: never) => void) | null
  send(text: string): void
  close(code?: number, reason?: string): void
}

export type OpenSocket = (url: string, subprotocol: string) => Socket
