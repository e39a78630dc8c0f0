/** The line that fits points best: least squares. */
export interface Line {
  readonly slope: number
  /** Of the slope, as if points went astray independently of each other. */
  readonly standardError: number
  readonly at0: number
}

const meanOf = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

export const fitLine = (points: ReadonlyArray<readonly [x: number, y: number]>): Line => {
  const meanX = meanOf(points.map(([x]) => x))
  const meanY = meanOf(points.map(([, y]) => y))
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread
  const at0 = meanY - slope * meanX
  const astray = points.reduce((sum, [x, y]) => sum + (y - at0 - slope * x) ** 2, 0)
  return { slope, at0, standardError: Math.sqrt(astray / (points.length - 2) / spread) }
}
