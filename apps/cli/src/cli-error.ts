/** Exit codes: what a script can tell apart. */
export const exitCodes = {
  ok: 0,
  /** The command could not do it. */
  failed: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** The server could not be reached. */
  unreachable: 3,
} as const

/** A failure told to a person in one or two lines; anything else that is thrown is a bug and shows its stack. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: number
  /** The line that mends it. */
  readonly hint: string | undefined
  /** Code of the API, where it said no. */
  readonly code: string | undefined

  constructor(
    message: string,
    options: { exitCode?: number; hint?: string; code?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.exitCode = options.exitCode ?? exitCodes.failed
    this.hint = options.hint
    this.code = options.code
  }
}

export function usageError(message: string, command: string): CliError {
  return new CliError(message, { exitCode: exitCodes.usage, hint: `parley ${command} --help` })
}
