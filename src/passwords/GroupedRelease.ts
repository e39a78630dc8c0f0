import { Effect, Latch } from "effect"

/**
 * Holds those who come until `size` of them are there, or `longestMillis` after the first: then they go on in one go. Who comes as the last,
 * with nobody to wait for, takes all along at once.
 */
export const makeGroupedRelease = ({
  longestMillis,
  size
}: {
  readonly size: number
  readonly longestMillis: number
}) => {
  const together = Latch.makeUnsafe(false)
  let held = 0
  // One for all of a group: it outlives whoever came first and has hung up.
  let timer: NodeJS.Timeout | undefined
  const release = () => {
    clearTimeout(timer)
    timer = undefined
    held = 0
    together.openUnsafe()
    together.closeUnsafe()
  }

  return (isLast: () => boolean): Effect.Effect<void> =>
    Effect.suspend(() => {
      held++
      if (held >= size || isLast()) return Effect.sync(release)
      timer ??= setTimeout(release, longestMillis)
      return together.await
    })
}
