import { readFileSync } from 'node:fs'
import { z } from 'zod'

/** One documented knob. Settings are read from the environment, then from the configuration file, else default. */
export interface Setting<T = unknown> {
  env: string
  schema: z.ZodType<T>
  /** As `parley config` shows it; `undefined` when the setting may be absent. */
  default: T
  /** What the default is, in words, where it depends on the machine. */
  defaultDoc?: string
  doc: string
  secret?: boolean
}

export type Settings = Record<string, Setting>
export type SettingValues<S extends Settings> = { [K in keyof S]: S[K] extends Setting<infer T> ? T : never }

interface IntegerOptions {
  default: number
  defaultDoc?: string
  min?: number
  max?: number
}

export function integer(env: string, options: IntegerOptions, doc: string): Setting<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, ...facts } = options
  return { env, schema: z.coerce.number().int().min(min).max(max), ...facts, doc }
}

export function optionalInteger(env: string, doc: string): Setting<number | undefined> {
  return { env, schema: z.coerce.number().int().min(0).optional(), default: undefined, doc }
}

export function string(env: string, fallback: string, doc: string): Setting<string> {
  return { env, schema: z.string().min(1), default: fallback, doc }
}

export function optionalString(env: string, doc: string): Setting<string | undefined> {
  return { env, schema: z.string().min(1).optional(), default: undefined, doc }
}

/** An http or https address, without a slash at its end. */
export function optionalUrl(env: string, doc: string): Setting<string | undefined> {
  const schema = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ''))
  return { env, schema: schema.optional(), default: undefined, doc }
}

export function secret(env: string, doc: string): Setting<string | undefined> {
  return { ...optionalString(env, doc), secret: true }
}

export function flag(env: string, fallback: boolean, doc: string): Setting<boolean> {
  const schema = z.union([z.boolean(), z.stringbool()])
  return { env, schema, default: fallback, doc }
}

export function choice<const T extends string>(
  env: string,
  values: readonly [T, ...T[]],
  fallback: T,
  doc: string,
): Setting<T> {
  return { env, schema: z.enum(values), default: fallback, doc }
}

/** Where raw values come from, the environment first. */
export interface ConfigSource {
  read(env: string): unknown
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/**
 * The environment over a JSON file `{"PARLEY_PORT": 7700, ...}` named by `PARLEY_CONFIG_FILE`. A missing named
 * file, broken JSON and unknown `PARLEY_` names in it are errors, so that a slip is not silently a default.
 */
export function configSource(env: Record<string, string | undefined>): ConfigSource {
  const path = env.PARLEY_CONFIG_FILE
  const file = path === undefined ? {} : readConfigFile(path)
  return { read: (name) => (env[name] === undefined || env[name] === '' ? file[name] : env[name]) }
}

function readConfigFile(path: string): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (cause) {
    throw new ConfigError(`PARLEY_CONFIG_FILE: ${path} is not a readable JSON object`, { cause })
  }
}

/** Parses the settings of one room. Throws a ConfigError that names the variable and what it takes. */
export function readSettings<const S extends Settings>(settings: S, source: ConfigSource): SettingValues<S> {
  const values: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(settings)) values[name] = readSetting(setting, source)
  return values as SettingValues<S>
}

function readSetting(setting: Setting, source: ConfigSource): unknown {
  const raw = source.read(setting.env)
  if (raw === undefined) return setting.default
  const parsed = setting.schema.safeParse(raw)
  if (parsed.success) return parsed.data
  const shown = setting.secret ? 'its value' : JSON.stringify(raw)
  const reason = parsed.error.issues.map((issue) => issue.message).join('; ')
  throw new ConfigError(`${setting.env}: ${shown} does not fit: ${reason}. ${setting.doc}`)
}
