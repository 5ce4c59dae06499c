import { type Command, commonOptions, type Option } from './command.ts'
import { table } from './terminal.ts'

export function overview(commands: readonly Command[]): string {
  const rows = commands.map((command) => [`  parley ${command.name}`, command.summary])
  return [
    'Parley from the command line.',
    '',
    table(rows),
    '',
    'Each takes --help and --json. The server is found by PARLEY_URL or $PARLEY_DATA_DIR/dev.json;',
    'the API key by PARLEY_KEY_ID and PARLEY_KEY_SECRET, or dev.json.',
    'Exit codes: 0 done, 1 refused or failed, 2 wrong command line, 3 no server.',
  ].join('\n')
}

export function commandHelp(command: Command): string {
  return [
    command.summary,
    '',
    ...command.usage.map((line) => `  ${line}`),
    '',
    'Options',
    table(
      Object.entries({ ...command.options, ...commonOptions }).map(([name, option]) =>
        describe(name, option),
      ),
    ),
  ].join('\n')
}

function describe(name: string, option: Option): string[] {
  return [`  --${name}${option.type === 'string' ? ` <${option.value ?? 'text'}>` : ''}`, option.doc]
}
