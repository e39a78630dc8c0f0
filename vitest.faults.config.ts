import { configDefaults, defineConfig } from "vitest/config"
import shared from "./vitest.config.ts"

export default defineConfig({
  test: {
    ...shared.test,
    include: ["test/faults/*.test.ts"],
    exclude: configDefaults.exclude,
    // On a disk, since they are about what is kept.
    globalSetup: ["test/support/surroundings.ts"],
    maxWorkers: 2,
    testTimeout: 180_000
  }
})
