import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { moved, type TrailPosition } from "../../src/events/TrailPosition.ts"

/** What transactions may do to the trail, and a reader beside them. Numbers say which of the open ones it is. */
interface Step {
  readonly _tag: "begin" | "look" | "write" | "commit" | "rollBack"
  readonly which: number
}

/** A trail whose rows are seen once their transactions are committed, as PostgreSQL has it. */
const makeTrail = () => {
  let nextTransaction = 100n
  let nextId = 1n
  const open = new Map<bigint, Array<bigint>>()
  const visible: Array<bigint> = []
  return {
    begin: () => {
      const transaction = nextTransaction++
      open.set(transaction, [])
      return transaction
    },
    write: (transaction: bigint) => open.get(transaction)?.push(nextId++),
    end: (transaction: bigint, commits: boolean) => {
      if (commits) visible.push(...(open.get(transaction) ?? []))
      open.delete(transaction)
    },
    open: () => [...open.keys()],
    committed: () => visible.toSorted((a, b) => (a < b ? -1 : 1)),
    look: ({ gaps, last }: TrailPosition, limit: number) => {
      const transaction = nextTransaction++
      const oldestOpen = [...open.keys(), transaction][0] ?? transaction
      const ids = visible
        .filter((id) => id > last || gaps.some(({ from, to }) => from <= id && id <= to))
        .toSorted((a, b) => (a < b ? -1 : 1))
        .slice(0, limit)
      return { transaction, oldestOpen, ids, complete: ids.length < limit }
    }
  }
}

const step: fc.Arbitrary<Step> = fc.record({
  _tag: fc.constantFrom<Step["_tag"]>("begin", "look", "write", "write", "commit", "rollBack"),
  which: fc.nat(9)
})

describe("reading the trail on and on", () => {
  it("shows each row that was committed once, whatever was committed before it and whatever never was", () => {
    return fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 5 }), async (steps, limit) => {
        const trail = makeTrail()
        const seen: Array<bigint> = []
        let position: TrailPosition = { last: 0n, gaps: [] }
        const look = () => {
          const shown = trail.look(position, limit)
          seen.push(...shown.ids)
          position = moved(position, shown)
          return shown.ids.length
        }
        const chosen = (which: number) => trail.open()[which % Math.max(1, trail.open().length)]
        for (const step of steps) {
          if (step._tag === "begin") trail.begin()
          if (step._tag === "look") look()
          const transaction = chosen(step.which)
          if (transaction === undefined) continue
          if (step._tag === "write") trail.write(transaction)
          if (step._tag === "commit" || step._tag === "rollBack") trail.end(transaction, step._tag === "commit")
        }
        for (const transaction of trail.open()) trail.end(transaction, true)
        while (look() > 0);
        assert.deepStrictEqual(
          seen.toSorted((a, b) => (a < b ? -1 : 1)),
          trail.committed()
        )
        // Nothing is looked for again once nobody can write it any more.
        look()
        look()
        assert.deepStrictEqual(position.gaps, [])
      }),
      { numRuns: 2000 }
    )
  })

  it("waits for no transaction but that of the gap: what is there is shown at once", () => {
    const trail = makeTrail()
    const slow = trail.begin()
    trail.write(slow)
    const quick = trail.begin()
    trail.write(quick)
    trail.end(quick, true)
    const first = trail.look({ last: 0n, gaps: [] }, 10)
    assert.deepStrictEqual(first.ids, [2n])
    const position = moved({ last: 0n, gaps: [] }, first)
    trail.end(slow, true)
    assert.deepStrictEqual(trail.look(position, 10).ids, [1n])
  })
})
