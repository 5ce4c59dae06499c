import { exitCodes, usageError } from '../cli-error.ts'
import { type Command, textOption } from '../command.ts'
import { checkCertificate } from '../doctor/certificate.ts'
import { checkContents } from '../doctor/contents.ts'
import { checkDatabase } from '../doctor/database.ts'
import { installFfmpeg } from '../doctor/ffmpeg.ts'
import type { Check, DoctorContext, Finding, FindingState } from '../doctor/finding.ts'
import { checkLastBackup } from '../doctor/last-backup.ts'
import { checkClock, checkDataFolder, checkMasterKey, checkNode } from '../doctor/machine.ts'
import { checkMedia } from '../doctor/media.ts'
import { checkPorts, checkServer } from '../doctor/network.ts'
import { checkObjects } from '../doctor/objects.ts'
import { checkChromium, checkFastpath, checkFfmpeg } from '../doctor/programs.ts'
import { checkPublicAddress } from '../doctor/public-address.ts'
import { findRepository } from '../repository.ts'
import type { Colour, Terminal } from '../terminal.ts'

const checks: readonly [name: string, check: Check][] = [
  ['Node', checkNode],
  ['Data folder', checkDataFolder],
  ['Master key', checkMasterKey],
  ['Database', checkDatabase],
  ['Contents', checkContents],
  ['Backup', checkLastBackup],
  ['Files', checkObjects],
  ['Ports', checkPorts],
  ['Certificate', checkCertificate],
  ['Public address', checkPublicAddress],
  ['Media', checkMedia],
  ['Packet path', checkFastpath],
  ['ffmpeg', checkFfmpeg],
  ['Chromium', checkChromium],
  ['Clock', checkClock],
  ['Server', checkServer],
]

const marks: Record<FindingState, [string, Colour]> = {
  fine: ['ok', 'green'],
  lacking: ['--', 'yellow'],
  problem: ['!!', 'red'],
}

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'What is wrong with this machine, and the line that mends it',
  usage: ['parley doctor', 'parley doctor --install ffmpeg'],
  options: {
    install: { type: 'string', value: 'program', doc: 'Bring a program into the data folder: ffmpeg' },
  },
  async run(context) {
    const { installation, terminal } = context
    if (context.positionals.length > 0) throw usageError('doctor takes no words, only options', 'doctor')
    const program = textOption(context, 'install')
    if (program !== undefined) {
      if (program !== 'ffmpeg') throw usageError('Only ffmpeg can be installed', 'doctor')
      const path = installFfmpeg(installation.dataDir, terminal.note)
      return { json: { installed: path }, text: `ffmpeg is ready: ${path}` }
    }
    const findings = await lookAtAll({ installation, repository: findRepository(), note: terminal.note })
    const problems = findings.filter((finding) => finding.state === 'problem').length
    const verdict =
      problems === 0 ? 'Nothing stands in the way.' : `${problems} in the way; mend the lines marked !!`
    const text = `${findings.map((finding) => describe(finding, terminal)).join('\n')}\n\n${verdict}`
    return { json: { findings }, text, exitCode: problems === 0 ? exitCodes.ok : exitCodes.failed }
  },
}

async function lookAtAll(context: DoctorContext): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const [name, check] of checks) findings.push(...(await look(name, check, context)))
  return findings
}

/** One check that breaks is a finding too, and hides none of the others. */
async function look(name: string, check: Check, context: DoctorContext): Promise<Finding[]> {
  try {
    return await check(context)
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    return [{ name, state: 'problem', detail, mend: 'This check itself failed; its message says why' }]
  }
}

function describe({ name, state, detail, mend }: Finding, terminal: Terminal): string {
  const [mark, colour] = marks[state]
  const line = ` ${terminal.paint(colour, mark)}  ${name.padEnd(14)} ${detail}`
  return mend === undefined ? line : `${line}\n${' '.repeat(20)}-> ${terminal.paint('bold', mend)}`
}
