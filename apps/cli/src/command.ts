import type { ParseArgsConfig } from 'node:util'
import type { Installation } from './installation.ts'
import type { Terminal } from './terminal.ts'

export interface Option {
  type: 'string' | 'boolean'
  doc: string
  /** How the value is called in help. */
  value?: string
}

/** Options that every command takes. */
export const commonOptions = {
  json: { type: 'boolean', doc: 'Print JSON for programs' },
  help: { type: 'boolean', doc: 'Show this' },
  'data-dir': {
    type: 'string',
    value: 'folder',
    doc: 'Folder of the installation; default $PARLEY_DATA_DIR or .parley',
  },
} as const satisfies Record<string, Option>

export interface CommandContext {
  /** What stands behind the name of the command. */
  positionals: readonly string[]
  options: Readonly<Record<string, string | boolean | undefined>>
  installation: Installation
  terminal: Terminal
  env: Readonly<Record<string, string | undefined>>
}

/** One command of `parley`. `run` answers what `--json` prints, after telling the same to people. */
export interface Command {
  name: string
  summary: string
  usage: readonly string[]
  options: Readonly<Record<string, Option>>
  run(context: CommandContext): Promise<CommandOutcome>
}

export interface CommandOutcome {
  /** Printed by `--json`. */
  json: unknown
  /** Printed for people; nothing when empty. */
  text: string
  exitCode?: number
}

export function parseArgsOptions(
  options: Readonly<Record<string, Option>>,
): NonNullable<ParseArgsConfig['options']> {
  return Object.fromEntries(Object.entries(options).map(([name, { type }]) => [name, { type }]))
}

export function textOption(context: CommandContext, name: string): string | undefined {
  const value = context.options[name]
  return typeof value === 'string' ? value : undefined
}
