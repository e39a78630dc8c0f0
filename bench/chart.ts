/** A bar of a chart. */
export interface Bar {
  readonly name: string
  readonly value: number
  /** Ours, told from the others by its colour. */
  readonly ours: boolean
}

export const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

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
  return framed(title, height, rows)
}

const framed = (title: string, height: number, parts: ReadonlyArray<string>): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>
text { font: 14px system-ui, sans-serif; dominant-baseline: middle; fill: #1f2328 }
.title { font-weight: 600 } .ours { fill: #2563a8 } .other { fill: #9aa4b0 }
.curve { fill: none; stroke: #2563a8; stroke-width: 1.5 } .fit { stroke: #b35900; stroke-dasharray: 6 4 } .axis { stroke: #9aa4b0 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .ours { fill: #6cb0f5 } .other { fill: #6e7681 }
.curve { stroke: #6cb0f5 } .fit { stroke: #f0a45d } .axis { stroke: #6e7681 }
}
</style>
<text class="title" x="8" y="22">${escaped(title)}</text>
${parts.join("\n")}
</svg>
`

type Point = readonly [x: number, y: number]

const [curveHeight, left, bottom] = [320, 56, 32]

/** A curve from 0 on both axes, and a straight line through it, dashed. The labels stand at the ends of the axes. */
export const curveOf = (
  title: string,
  points: ReadonlyArray<Point>,
  fit: readonly [from: Point, to: Point],
  labels: { readonly x: string; readonly y: string }
): string => {
  const mostX = Math.max(...points.map(([x]) => x))
  // A round number, so that the axis can be read.
  const step = 10 ** Math.floor(Math.log10(Math.max(...points.map(([, y]) => y))))
  const mostY = Math.ceil(Math.max(...points.map(([, y]) => y)) / step + 0.2) * step
  const placeX = (x: number) => (left + (x / mostX) * (width - left - 16)).toFixed(1)
  const placeY = (y: number) => (curveHeight - bottom - (y / mostY) * (curveHeight - bottom - headHeight)).toFixed(1)
  const path = points.map(([x, y], index) => `${index === 0 ? "M" : "L"}${placeX(x)} ${placeY(y)}`).join("")
  const [[fromX, fromY], [toX, toY]] = fit
  return framed(title, curveHeight, [
    `<line class="axis" x1="${left}" y1="${placeY(0)}" x2="${width - 16}" y2="${placeY(0)}"/>`,
    `<line class="axis" x1="${left}" y1="${placeY(0)}" x2="${left}" y2="${headHeight}"/>`,
    `<path class="curve" d="${path}"/>`,
    `<line class="fit" x1="${placeX(fromX)}" y1="${placeY(fromY)}" x2="${placeX(toX)}" y2="${placeY(toY)}"/>`,
    ...[0, mostY / 2, mostY].map(
      (y) => `<text x="${left - 8}" y="${placeY(y)}" text-anchor="end">${y.toFixed(0)}</text>`
    ),
    `<text x="${left + 8}" y="${headHeight}">${escaped(labels.y)}</text>`,
    `<text x="${width - 16}" y="${curveHeight - 12}" text-anchor="end">${mostX.toFixed(0)} ${escaped(labels.x)}</text>`
  ])
}
