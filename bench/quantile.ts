/** The value that a share of the values doesn't go beyond, from 0 to 1, between two neighbours in proportion. */
export const quantile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = [...values].sort((one, other) => one - other)
  const place = (sorted.length - 1) * share
  const [below, above] = [sorted[Math.floor(place)] ?? Number.NaN, sorted[Math.ceil(place)] ?? Number.NaN]
  return below + (above - below) * (place % 1)
}

export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)
