import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { lastBackupFile } from '../commands/backup.ts'
import { type Check, fine, lacking } from './finding.ts'

const dayMs = 86_400_000
const staleDays = 7
const mark = z.object({ at: z.string(), folder: z.string() })

/** When `parley backup` last ended on this installation. */
export const checkLastBackup: Check = ({ installation }) => {
  const name = 'Backup'
  const { mode, dataDir } = installation.settings
  const found = mark.safeParse(readMark(join(dataDir, lastBackupFile)))
  if (!found.success) {
    if (mode === 'development') return [fine(name, 'none was made; production wants them')]
    return [lacking(name, 'none was made with parley backup', 'parley backup <folder>')]
  }
  const { at, folder } = found.data
  const days = Math.floor((Date.now() - Date.parse(at)) / dayMs)
  const detail = `the last was made ${days === 0 ? 'today' : `${days} days ago`}, into ${folder}`
  return [days > staleDays ? lacking(name, detail, 'parley backup <folder>') : fine(name, detail)]
}

function readMark(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}
