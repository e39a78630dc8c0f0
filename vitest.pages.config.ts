import { configDefaults, defineConfig } from "vitest/config"
import shared from "./vitest.config.ts"

export default defineConfig({
  test: {
    ...shared.test,
    include: ["test/e2e/pages/*.test.ts"],
    exclude: configDefaults.exclude
  }
})
