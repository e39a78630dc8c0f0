import { describe, it } from "@effect/vitest"
import { mutated } from "../mutation/mutated.ts"
import { mutations } from "../mutation/mutations.ts"

describe("npm run mutate", () => {
  it("finds what each of its mutations breaks", async () => {
    for (const mutation of mutations) await mutated(mutation)
  })
})
