/** Rows that weren't there when rows behind them were: their transactions hadn't committed yet, or never will. */
export interface Gap {
  readonly from: bigint
  readonly to: bigint
  /** The id of a transaction that began after the gap was seen; null until there was one. */
  readonly until: bigint | null
}

/** How far somebody has read the trail. */
export interface TrailPosition {
  /** The highest id that was seen. */
  readonly last: bigint
  /** Before `last`, in the order of ids. */
  readonly gaps: ReadonlyArray<Gap>
}

/** What one look showed. */
export interface TrailLook {
  /** Of the rows behind `last` and in the gaps, in their order, as one snapshot has them. */
  readonly ids: ReadonlyArray<bigint>
  /** Whether these are all; else nothing was looked for behind the last of them. */
  readonly complete: boolean
  /** The id of a transaction that began after the former look, and the oldest that was open just before this one. */
  readonly transaction: bigint
  readonly oldestOpen: bigint
}

/** What is left of a gap around the rows that came. */
const leftOf = (gap: Gap, ids: ReadonlyArray<bigint>): ReadonlyArray<Gap> => {
  const parts: Array<Gap> = []
  let from = gap.from
  for (const id of ids) {
    if (id < from || id > gap.to) continue
    if (id > from) parts.push({ ...gap, from, to: id - 1n })
    from = id + 1n
  }
  return from > gap.to ? parts : [...parts, { ...gap, from }]
}

/**
 * The position after a look. Ids are drawn before their rows are committed, so rows become visible out of order: whoever reads on from
 * the last id alone never sees one that was committed late. So what is missing between two ids is looked for again, for as long as a
 * transaction is open that may have drawn it. A transaction has an id of its own before it draws one of the trail, since it
 * writes what happened first; and a row that follows another, because its transaction waited for the other's or began
 * after it, is never seen without that one. So those of one look, in the order of their ids, come after their causes.
 */
export const moved = (
  position: TrailPosition,
  { complete, ids, oldestOpen, transaction }: TrailLook
): TrailPosition => {
  const { last } = position
  const end = ids.at(-1) ?? last
  const known = position.gaps.flatMap((gap) => {
    const until = gap.until ?? transaction
    const isOver = oldestOpen >= until && (complete || gap.to <= end)
    return isOver ? [] : leftOf({ ...gap, until }, ids)
  })
  const behind = ids.filter((id) => id > last)
  const fresh = [last, ...behind].flatMap((id, index, all) => {
    const next = all[index + 1]
    return next === undefined || next === id + 1n ? [] : [{ from: id + 1n, to: next - 1n, until: null }]
  })
  return { last: behind.at(-1) ?? last, gaps: [...known, ...fresh] }
}
