import { configDefaults, defineConfig } from "vitest/config"
import shared, { walksThroughDocs } from "./vitest.config.ts"

export default defineConfig({
  test: {
    ...shared.test,
    // On a disk: an example on Deno has its data where Deno lets it, which is nowhere in /dev.
    globalSetup: ["test/support/surroundings.ts"],
    include: ["test/package/*.test.ts", ...walksThroughDocs],
    exclude: configDefaults.exclude
  }
})
