import type { Authenticator } from '@parley/core/auth'

export interface RtcPorts {
  /** For WHIP and WHEP, whose requests do not pass the door of REST. Offered by identity. */
  authenticator: Authenticator
  /** The media worker program; that of the build when absent. For tests. */
  sfuEntry?: string
}
