import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { installedFfmpeg } from './ffmpeg.ts'
import { type Check, fine, lacking } from './finding.ts'

type FastpathBuild = { path: string } | { unavailable: string; mend: string }

/** Builds the packet path when it is out of date: whether it works here is only seen by doing so. */
export const checkFastpath: Check = async ({ repository, note }) => {
  const script = repository === undefined ? undefined : join(repository, 'native/fastpath/build.mjs')
  if (script === undefined || !existsSync(script)) return []
  const { ensureFastpath } = (await import(pathToFileURL(script).href)) as {
    ensureFastpath(options: { log: (line: string) => void }): Promise<FastpathBuild>
  }
  const build = await ensureFastpath({ log: note })
  if ('path' in build) return [fine('Packet path', 'built for this Node; audio and video are on')]
  return [lacking('Packet path', `audio and video are off: ${build.unavailable}`, build.mend)]
}

const chromiumPlaces = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

export const checkChromium: Check = ({ installation, repository }) => {
  if (repository === undefined) return []
  const chosen = installation.env.PARLEY_CHROMIUM
  const found = (chosen === undefined ? chromiumPlaces : [chosen]).find((path) => existsSync(path))
  if (found !== undefined) return [fine('Chromium', `${found} (for npm test only)`)]
  const detail =
    chosen === undefined ? 'not found; only npm test needs it' : `${chosen} (PARLEY_CHROMIUM) is not there`
  return [lacking('Chromium', detail, 'apt-get install -y chromium')]
}

export const checkFfmpeg: Check = ({ installation }) => {
  const own = installedFfmpeg(installation.dataDir)
  if (own !== undefined) return [fine('ffmpeg', own)]
  const { status, stdout } = spawnSync('ffmpeg', ['-version'], { encoding: 'utf8' })
  if (status === 0) return [fine('ffmpeg', stdout.split('\n')[0]?.trim() ?? 'there')]
  return [
    lacking(
      'ffmpeg',
      'not found; recordings are not mixed and videos not transcoded',
      'apt-get install -y ffmpeg, or: npx parley doctor --install ffmpeg (209 MB, GPL)',
    ),
  ]
}
