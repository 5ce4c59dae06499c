import { AppError } from '@parley/contracts'
import { ProtocolViolation } from '@parley/protocols/violation'

/** The description can be read, but asks for what Parley does not do. */
export class UnsupportedSdpError extends AppError {
  constructor(detail: string) {
    super('sdp-not-supported', detail)
  }
}

/** Runs what reads input of a client; what breaks its protocol is `invalid-request`. */
export function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof ProtocolViolation)
      throw new AppError('invalid-request', error.message, { cause: error })
    throw error
  }
}
