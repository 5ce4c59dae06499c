import { parseArgs } from 'node:util'
import { ConfigError } from '@parley/core/kernel'
import { CliError, exitCodes } from './cli-error.ts'
import { type Command, type CommandContext, commonOptions, parseArgsOptions } from './command.ts'
import { auditCommand } from './commands/audit.ts'
import { backupCommand } from './commands/backup.ts'
import { configCommand } from './commands/config.ts'
import { doctorCommand } from './commands/doctor.ts'
import { initCommand } from './commands/init.ts'
import { keysCommand } from './commands/keys.ts'
import { projectsCommand } from './commands/projects.ts'
import { restoreCommand } from './commands/restore.ts'
import { tokenCommand } from './commands/token.ts'
import { webhooksCommand } from './commands/webhooks.ts'
import { commandHelp, overview } from './help.ts'
import { Installation } from './installation.ts'
import { openTerminal, type Terminal, type TerminalStreams } from './terminal.ts'

const commands: readonly Command[] = [
  initCommand,
  tokenCommand,
  projectsCommand,
  keysCommand,
  webhooksCommand,
  auditCommand,
  backupCommand,
  restoreCommand,
  configCommand,
  doctorCommand,
]

/** Runs one command line and answers the exit code. Nothing but the given streams and environment is read or written. */
export async function main(argv: readonly string[], streams: TerminalStreams): Promise<number> {
  const terminal = openTerminal(streams)
  const json = argv.includes('--json')
  try {
    return await runCommandLine(argv, terminal, streams.env)
  } catch (error) {
    return tellFailure(error, terminal, json)
  }
}

async function runCommandLine(
  argv: readonly string[],
  terminal: Terminal,
  env: TerminalStreams['env'],
): Promise<number> {
  const [name, ...rest] = argv
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    terminal.out(overview(commands))
    return exitCodes.ok
  }
  const command = commands.find((candidate) => candidate.name === name)
  if (!command) {
    throw new CliError(`There is no command ${JSON.stringify(name)}`, {
      exitCode: exitCodes.usage,
      hint: 'parley --help',
    })
  }
  const { values, positionals } = parse(command, rest)
  if (values.help) {
    terminal.out(commandHelp(command))
    return exitCodes.ok
  }
  const dataDir = typeof values['data-dir'] === 'string' ? values['data-dir'] : undefined
  const installation = new Installation(env, dataDir)
  const context: CommandContext = { positionals, options: values, installation, terminal, env }
  const { json, text, exitCode } = await command.run(context)
  if (values.json) terminal.out(JSON.stringify(json, null, 2))
  else if (text !== '') terminal.out(text)
  return exitCode ?? exitCodes.ok
}

function parse(command: Command, args: readonly string[]) {
  const options = parseArgsOptions({ ...command.options, ...commonOptions })
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true }) as {
      values: Record<string, string | boolean | undefined>
      positionals: string[]
    }
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new CliError(message, { exitCode: exitCodes.usage, hint: `parley ${command.name} --help`, cause })
  }
}

function tellFailure(error: unknown, terminal: Terminal, json: boolean): number {
  if (!(error instanceof CliError || error instanceof ConfigError)) throw error
  const { exitCode, hint, code } =
    error instanceof CliError ? error : { exitCode: exitCodes.usage, hint: 'parley config', code: undefined }
  if (json)
    terminal.out(JSON.stringify({ error: { code: code ?? 'failed', message: error.message, hint } }, null, 2))
  terminal.note(`${terminal.paint('red', 'Error:')} ${error.message}`)
  if (hint !== undefined) terminal.note(`  -> ${hint}`)
  return exitCode
}
