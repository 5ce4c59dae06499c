/** Where a command writes. Colours only where a person looks and NO_COLOR is not set. */
export interface Terminal {
  out(text: string): void
  /** Progress and complaints, so that standard output stays clean for programs. */
  note(text: string): void
  paint(colour: Colour, text: string): string
}

export type Colour = 'red' | 'green' | 'yellow' | 'bold' | 'dim'

const codes: Record<Colour, [number, number]> = {
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  bold: [1, 22],
  dim: [2, 22],
}

export interface TerminalStreams {
  stdout: { write(text: string): unknown; isTTY?: boolean }
  stderr: { write(text: string): unknown }
  env: Readonly<Record<string, string | undefined>>
}

export function openTerminal({ stdout, stderr, env }: TerminalStreams): Terminal {
  const colours = stdout.isTTY === true && !env.NO_COLOR
  return {
    out: (text) => void stdout.write(`${text}\n`),
    note: (text) => void stderr.write(`${text}\n`),
    paint: (colour, text) => {
      const [on, off] = codes[colour]
      return colours ? `\u001b[${on}m${text}\u001b[${off}m` : text
    },
  }
}

/** Columns as wide as their widest cell, two spaces between them. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>((known, row) => {
    row.forEach((cell, column) => {
      known[column] = Math.max(known[column] ?? 0, cell.length)
    })
    return known
  }, [])
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
