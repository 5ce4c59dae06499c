export type ProtocolViolationOptions = {
  /** Byte offset (for text protocols: line number, from 0) where the input stops making sense. */
  readonly offset?: number
  readonly cause?: unknown
}

/**
 * Input that breaks the named protocol. The only error a decoder of this package throws for bad input;
 * the owner of the connection decides what closes.
 */
export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation'
  readonly protocol: string
  readonly offset?: number

  constructor(protocol: string, detail: string, options: ProtocolViolationOptions = {}) {
    const where = options.offset === undefined ? '' : ` at ${options.offset}`
    super(`${protocol}: ${detail}${where}`, options.cause === undefined ? {} : { cause: options.cause })
    this.protocol = protocol
    if (options.offset !== undefined) this.offset = options.offset
  }
}
