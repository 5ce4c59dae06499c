import { pino } from 'pino'

export const logLevels = ['silent', 'error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof logLevels)[number]

type Write = {
  (fields: Record<string, unknown>, message: string): void
  (message: string): void
}

/**
 * Structured log lines. `info`: exactly one for each life-cycle transition; `warn`: somebody should look;
 * `error`: something failed that must not. Messages hold no personal data; ids go into fields.
 */
export interface Logger {
  debug: Write
  info: Write
  warn: Write
  error: Write
  child(fields: Record<string, unknown>): Logger
}

export interface LoggerOptions {
  level: LogLevel
  /** File descriptor or path; standard error by default, so that standard output stays for people. */
  destination?: number | string
}

export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
      redact: ['token', 'secret', 'authorization', '*.token', '*.secret', '*.authorization'],
    },
    pino.destination({ dest: options.destination ?? 2, sync: true }),
  )
}

/** For tests and tools that have nothing to say. */
export const silentLogger: Logger = createLogger({ level: 'silent' })
