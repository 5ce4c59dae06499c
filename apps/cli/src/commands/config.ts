import {
  ConfigError,
  type ConfigSource,
  readSettings,
  type Setting,
  type Settings,
} from '@parley/core/kernel'
import { exitCodes } from '../cli-error.ts'
import type { Command } from '../command.ts'

interface ShownSetting {
  room: string
  env: string
  value: unknown
  source: 'default' | 'environment' | 'file'
  default: unknown
  doc: string
  error?: string
}

export const configCommand: Command = {
  name: 'config',
  summary: 'Every setting with its value, where the value comes from, and what it means',
  usage: ['parley config', 'parley config http', 'parley config --json'],
  options: {},
  async run({ positionals, installation, terminal }) {
    const { serverSettings } = await import('@parley/app-server/settings')
    const wanted = positionals[0]?.toLowerCase()
    const shown = Object.entries(serverSettings)
      .flatMap(([room, settings]) => showSettings(room, settings, installation.source, installation.env))
      .filter(
        ({ room, env }) => wanted === undefined || room === wanted || env.toLowerCase().includes(wanted),
      )
    const text = shown
      .map((setting) => describe(setting, (name) => terminal.paint('bold', name)))
      .join('\n\n')
    const wrong = shown.some((setting) => setting.error !== undefined)
    return { json: { settings: shown }, text, exitCode: wrong ? exitCodes.failed : exitCodes.ok }
  },
}

function showSettings(
  room: string,
  settings: Settings,
  source: ConfigSource,
  env: Readonly<Record<string, string | undefined>>,
): ShownSetting[] {
  return Object.values(settings).map((setting) => ({
    room,
    env: setting.env,
    ...presentValue(setting, source),
    source: env[setting.env] ? 'environment' : source.read(setting.env) === undefined ? 'default' : 'file',
    default: setting.default ?? null,
    doc: setting.doc,
  }))
}

function presentValue(setting: Setting, source: ConfigSource): { value: unknown; error?: string } {
  try {
    const { value } = readSettings({ value: setting }, source)
    if (value === undefined) return { value: null }
    return { value: setting.secret ? '(set)' : value }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { value: null, error: error.message }
  }
}

function describe(setting: ShownSetting, strong: (text: string) => string): string {
  const value = setting.value === null ? '(not set)' : String(setting.value)
  const origin = setting.source === 'default' ? 'default' : `from ${setting.source}`
  const trouble = setting.error === undefined ? '' : `\n  WRONG: ${setting.error}`
  return `${strong(setting.env)} = ${value}   (${origin})\n  ${setting.doc}${trouble}`
}
