export interface Line {
  name: string
  values: readonly (number | undefined)[]
  /** Which of the chart's colours. */
  tone: 'first' | 'second'
}

const width = 300
const height = 48

/** Lines over the same moments, the newest at the right edge; what was not measured leaves a gap. */
export function LineChart(props: {
  title: string
  lines: readonly Line[]
  /** Moments that fit. */
  span: number
  /** The least top of the scale. */
  least: number
  text: (value: number) => string
}) {
  const { title, lines, span, text } = props
  const top = Math.max(props.least, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0)))
  return (
    <figure className="chart">
      <figcaption>
        <strong>{title}</strong>
        {lines.map(({ name, values, tone }) => (
          <span key={name} data-tone={tone}>
            {name} {textOf(values.at(-1), text)}
          </span>
        ))}
      </figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
        {lines.map(({ name, values, tone }) => (
          <path key={name} data-tone={tone} d={pathOf(values, span, top)} />
        ))}
      </svg>
      <small aria-hidden="true">{text(top)}</small>
    </figure>
  )
}

function textOf(value: number | undefined, text: (value: number) => string): string {
  return value === undefined ? '–' : text(value)
}

export function pathOf(values: readonly (number | undefined)[], span: number, top: number): string {
  const parts: string[] = []
  let isDown = false
  for (const [index, value] of values.entries()) {
    if (value === undefined) {
      isDown = false
      continue
    }
    const x = width - ((values.length - 1 - index) * width) / Math.max(1, span - 1)
    const y = height - 2 - (Math.min(value, top) / top) * (height - 4)
    parts.push(`${isDown ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`)
    isDown = true
  }
  return parts.join('')
}
