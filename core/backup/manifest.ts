import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { BackupError } from './backup-error.ts'

export const formatVersion = 1
const manifestName = 'manifest.json'
const progressName = 'unfinished.json'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

const part = z.object({
  /** Below the folder of the backup, with `/`. */
  file: z.string().regex(/^[\w.-]+(\/[\w.-]+)*$/),
  /** As it lies there, compressed. */
  bytes: z.number(),
  sha256,
})
export type Part = z.infer<typeof part>

const table = z.object({
  schema: z.string(),
  name: z.string(),
  /** Those that were copied, in order. Transaction ids that the database stamps by itself are not. */
  columns: z.array(z.string()),
  rows: z.number(),
  /** One COPY stream in text format, cut anywhere, each part compressed by itself. */
  parts: z.array(part),
})
export type CopiedTable = z.infer<typeof table>

const database = z.object({
  /** When the snapshot was taken, by the clock of the database. */
  snapshotAt: z.string(),
  serverVersion: z.string(),
  schemas: z.array(
    z.object({ name: z.string(), steps: z.array(z.object({ id: z.string(), checksum: z.string() })) }),
  ),
  extensions: z.array(z.string()),
  tables: z.array(table),
  sequences: z.array(
    z.object({ schema: z.string(), name: z.string(), lastValue: z.string(), isCalled: z.boolean() }),
  ),
})
export type CopiedDatabase = z.infer<typeof database>

const objectIndex = z.object({ part, count: z.number(), bytes: z.number() })
export type ObjectIndex = z.infer<typeof objectIndex>

const manifest = z.object({
  format: z.literal('parley-backup'),
  formatVersion: z.number(),
  id: z.string(),
  createdAt: z.string(),
  /** Of the Parley that made it. */
  version: z.string(),
  database,
  objects: objectIndex.extend({
    /** Named by the database and not in the object store when they were copied. */
    missing: z.number(),
  }),
  masterKey: z.object({ fingerprint: z.string(), included: z.boolean() }),
})
/** What a backup holds. It is written last: a folder with a manifest is whole. */
export type Manifest = z.infer<typeof manifest>

const progress = z.object({ id: z.string(), database: database.optional(), objects: objectIndex.optional() })
/** What an unfinished backup has done already. */
export type Progress = z.infer<typeof progress>

/** Undefined when there is no manifest. Throws a BackupError for one of a newer format, or a damaged one. */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const read = await readJson(join(folder, manifestName))
  if (read === undefined) return undefined
  const head = z.object({ format: z.literal('parley-backup'), formatVersion: z.number() }).safeParse(read)
  if (!head.success) throw new BackupError(`${join(folder, manifestName)} is not the manifest of a backup`)
  if (head.data.formatVersion > formatVersion)
    throw new BackupError(
      `The backup has format ${head.data.formatVersion}; this Parley reads up to ${formatVersion}. Use a newer one.`,
    )
  const parsed = manifest.safeParse(read)
  if (!parsed.success) throw new BackupError(`The manifest in ${folder} is damaged: ${parsed.error.message}`)
  return parsed.data
}

export async function readProgress(folder: string): Promise<Progress | undefined> {
  const parsed = progress.safeParse(await readJson(join(folder, progressName)))
  return parsed.success ? parsed.data : undefined
}

export const writeManifest = (folder: string, value: Manifest): Promise<void> =>
  writeWhole(join(folder, manifestName), value)

export const writeProgress = (folder: string, value: Progress): Promise<void> =>
  writeWhole(join(folder, progressName), value)

export const progressPath = (folder: string): string => join(folder, progressName)

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    if (error instanceof SyntaxError) throw new BackupError(`${path} is damaged: ${error.message}`)
    throw error
  }
}

/** There in the old form or in the new, never in half. */
async function writeWhole(path: string, value: unknown): Promise<void> {
  await writeFile(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600, flush: true })
  await rename(`${path}.new`, path)
}
