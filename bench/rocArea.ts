/**
 * The area under the ROC curve of telling `positives` from `negatives` by a threshold: 0.5 where nobody can, 1 where each positive
 * is larger than each negative, 0 the other way round. It is the share of pairs in which the positive is larger, ties counted half
 * (Mann and Whitney, 1947).
 */
export const rocArea = (positives: ReadonlyArray<number>, negatives: ReadonlyArray<number>): number => {
  let wins = 0
  for (const positive of positives) {
    for (const negative of negatives) wins += positive > negative ? 1 : positive === negative ? 0.5 : 0
  }
  return wins / (positives.length * negatives.length)
}
