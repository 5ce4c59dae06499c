/** Where the datagrams of a peer come in and go out, instead of UDP sockets of its own. */
export type DatagramPort = {
  /** Called once. `arrivalMs` is on the clock of `performance.now()`. */
  readonly open: (onDatagram: (datagram: Buffer, source: DatagramEndpoint, arrivalMs: number) => void) => void
  readonly send: (datagram: Uint8Array, to: DatagramEndpoint) => void
  readonly close: () => void
}

export type DatagramEndpoint = { readonly address: string; readonly port: number }
