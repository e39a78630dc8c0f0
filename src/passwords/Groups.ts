import { Effect } from "effect"

/**
 * Holds those who come until so many are there, or the first has waited so many milliseconds: then they go on in one go. Who comes
 * as the last, with nobody to wait for, takes all along at once. Who hangs up is forgotten.
 */
export const makeGroups = (options: { readonly size: number; readonly longestMillis: number }) => {
  let held = new Set<() => void>()
  let timer: NodeJS.Timeout | undefined
  const goOn = () => {
    clearTimeout(timer)
    timer = undefined
    const going = held
    held = new Set()
    for (const go of going) go()
  }

  return (isLast: () => boolean): Effect.Effect<void> =>
    Effect.callback((resume) => {
      const go = () => resume(Effect.void)
      held.add(go)
      if (held.size >= options.size || isLast()) goOn()
      else timer ??= setTimeout(goOn, options.longestMillis)
      return Effect.sync(() => {
        held.delete(go)
      })
    })
}
