/** A bar of a chart. */
export interface Bar {
  readonly name: string
  readonly value: number
  /** Ours, told from the others by its colour. */
  readonly ours: boolean
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

const [width, nameWidth, valueWidth, barHeight, headHeight] = [720, 160, 80, 28, 44]

/** Horizontal bars as SVG, legible on a light and on a dark page. */
export const chartOf = (title: string, bars: ReadonlyArray<Bar>, digits = 0): string => {
  const most = Math.max(...bars.map(({ value }) => value))
  const lengthOf = (value: number): number => (value / most) * (width - nameWidth - valueWidth)
  const height = headHeight + bars.length * barHeight + 8
  const rows = bars.map(({ name, ours, value }, index) => {
    const top = headHeight + index * barHeight
    const middle = top + barHeight / 2 + 1
    return [
      `<text x="${nameWidth - 8}" y="${middle}" text-anchor="end">${escaped(name)}</text>`,
      `<rect class="${ours ? "ours" : "other"}" x="${nameWidth}" y="${top + 4}" width="${lengthOf(value).toFixed(1)}" height="${barHeight - 8}" rx="2"/>`,
      `<text x="${(nameWidth + lengthOf(value) + 6).toFixed(1)}" y="${middle}">${value.toFixed(digits)}</text>`
    ].join("")
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>
text { font: 14px system-ui, sans-serif; dominant-baseline: middle; fill: #1f2328 }
.title { font-weight: 600 } .ours { fill: #2563a8 } .other { fill: #9aa4b0 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .ours { fill: #6cb0f5 } .other { fill: #6e7681 } }
</style>
<text class="title" x="8" y="22">${escaped(title)}</text>
${rows.join("\n")}
</svg>
`
}
