import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { MasterKey } from '@parley/core/secrets'
import { CliError, usageError } from '../cli-error.ts'
import { type Command, type CommandContext, textOption } from '../command.ts'

export const initCommand: Command = {
  name: 'init',
  summary: 'Prepare a data folder: master key and configuration file',
  usage: [
    'parley init',
    'parley init --data-dir /var/lib/parley --mode production --public-url https://chat.example.com',
  ],
  options: {
    port: { type: 'string', value: 'number', doc: 'Port of REST, realtime and pages' },
    mode: { type: 'string', value: 'mode', doc: 'development or production' },
    'public-url': { type: 'string', value: 'url', doc: 'Address under which clients reach the server' },
    force: { type: 'boolean', doc: 'Replace the configuration file; the master key always stays' },
  },
  async run(context) {
    if (context.positionals.length > 0) throw usageError('init takes no words, only options', 'init')
    const { installation, options } = context
    const { dataDir } = installation
    const configPath = join(dataDir, 'parley.config.json')
    const config = configOf(context)
    if (existsSync(configPath) && !options.force) {
      throw new CliError(`${configPath} is there already`, { hint: 'Edit it, or add --force to replace it' })
    }
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    if (installation.settings.masterKey === undefined) MasterKey.load({ dataDir })
    writeFileSync(configPath, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600, flush: true })
    const shown = relative(process.cwd(), configPath) || configPath
    const text = [
      `${dataDir} is ready: master.key (keep a copy apart from backups of the database) and parley.config.json.`,
      '',
      'Next:',
      `  PARLEY_CONFIG_FILE=${shown} npm start     starts the server`,
      '  npx parley doctor                         says what this machine lacks',
      '  npx parley config                         lists every setting',
    ].join('\n')
    return { json: { dataDir, configPath, config }, text }
  },
}

function configOf(context: CommandContext): Record<string, string | number> {
  const port = textOption(context, 'port')
  const mode = textOption(context, 'mode')
  const publicUrl = textOption(context, 'public-url')
  if (port !== undefined && !(/^\d+$/.test(port) && Number(port) <= 65_535)) {
    throw usageError('--port must be 0 to 65535', 'init')
  }
  if (mode !== undefined && mode !== 'development' && mode !== 'production') {
    throw usageError('--mode must be development or production', 'init')
  }
  if (publicUrl !== undefined && !URL.canParse(publicUrl))
    throw usageError('--public-url must be a URL', 'init')
  return {
    PARLEY_DATA_DIR: context.installation.dataDir,
    ...(port !== undefined && { PARLEY_PORT: Number(port) }),
    ...(mode !== undefined && { PARLEY_MODE: mode }),
    ...(publicUrl !== undefined && { PARLEY_PUBLIC_URL: publicUrl }),
  }
}
