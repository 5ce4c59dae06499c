/** One instruction of a Dockerfile; continued lines are one. */
export interface Instruction {
  name: string
  /** Without flags such as `--from=build`. */
  text: string
  flags: Record<string, string>
  line: number
}

export interface Stage {
  base: string
  name: string | undefined
  instructions: Instruction[]
}

const known = new Set(
  'FROM RUN COPY ADD WORKDIR ENV ARG VOLUME USER EXPOSE STOPSIGNAL HEALTHCHECK CMD ENTRYPOINT LABEL SHELL'.split(
    ' ',
  ),
)

/** Reads a Dockerfile into its stages. Throws at the first line that is not understood. */
export function parseDockerfile(text: string): Stage[] {
  const stages: Stage[] = []
  for (const instruction of instructionsOf(text)) {
    const { name, line } = instruction
    if (!known.has(name)) throw new Error(`line ${line}: there is no instruction ${name}`)
    if (name === 'FROM') {
      const match = /^(\S+)(?:\s+AS\s+(\S+))?$/.exec(instruction.text)
      if (match === null) throw new Error(`line ${line}: FROM takes an image and a name`)
      stages.push({ base: match[1] ?? '', name: match[2], instructions: [] })
      continue
    }
    const stage = stages.at(-1)
    if (stage === undefined) throw new Error(`line ${line}: ${name} before FROM`)
    stage.instructions.push(instruction)
  }
  return stages
}

function instructionsOf(text: string): Instruction[] {
  const instructions: Instruction[] = []
  let open: { text: string; line: number } | undefined
  text.split('\n').forEach((raw, index) => {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) return
    open = { text: `${open?.text ?? ''}${line.replace(/\\$/, ' ')}`, line: open?.line ?? index + 1 }
    if (line.endsWith('\\')) return
    instructions.push(instructionOf(open.text.trim(), open.line))
    open = undefined
  })
  if (open !== undefined) throw new Error('the last line goes on behind the end')
  return instructions
}

function instructionOf(text: string, line: number): Instruction {
  const [name = '', ...rest] = text.split(/\s+/)
  const flags: Record<string, string> = {}
  while (rest[0]?.startsWith('--')) {
    const [flag = '', value = ''] = rest.shift()?.slice(2).split('=') ?? []
    flags[flag] = value
  }
  return { name, text: rest.join(' '), flags, line }
}

/** Arguments of `CMD ["a", "b"]`, also behind the flags of HEALTHCHECK. Throws for the shell form. */
export function execForm(text: string): string[] {
  const parsed: unknown = JSON.parse(text.replace(/^CMD\s+/, ''))
  if (!Array.isArray(parsed) || parsed.some((word) => typeof word !== 'string'))
    throw new Error(`not the exec form: ${text}`)
  return parsed as string[]
}
