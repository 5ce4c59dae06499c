import { CliError, exitCodes } from './cli-error.ts'

const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `90s`, `15m`, `24h`, `7d`, `1500ms` to milliseconds. A number alone is refused: people mean different units. */
export function parseDuration(text: string): number {
  const [, amount, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? []
  const factor = unitMs[unit ?? '']
  if (amount === undefined || factor === undefined) {
    throw new CliError(`${JSON.stringify(text)} is no duration; say 90s, 15m, 24h or 7d`, {
      exitCode: exitCodes.usage,
    })
  }
  return Number(amount) * factor
}
