/** Loudness over time as bars; the part before `share` is heard already. */
export function Waveform(props: { values: readonly number[]; share?: number; bars?: number }) {
  const { values, share = 0, bars = 40 } = props
  const shown = Array.from({ length: bars }, (_, bar) => {
    const from = Math.floor((bar * values.length) / bars)
    const until = Math.max(from + 1, Math.floor(((bar + 1) * values.length) / bars))
    const loudness = values.length > 0 ? Math.max(...values.slice(from, until)) / 255 : 0.12
    return { x: bar * 4 + 0.5, height: Math.max(3, loudness * 26), heard: bar / bars < share }
  })
  return (
    <svg
      className="parley-waveform"
      viewBox={`0 0 ${bars * 4} 28`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {shown.map(({ x, height, heard }) => (
        <rect
          key={x}
          x={x}
          y={14 - height / 2}
          width="2.4"
          height={height}
          rx="1.2"
          data-heard={heard || undefined}
        />
      ))}
    </svg>
  )
}
