import { configDefaults, defineConfig } from "vitest/config"
import shared from "./vitest.config.ts"

export default defineConfig({
  test: {
    ...shared.test,
    include: ["test/pages/*.test.ts"],
    exclude: configDefaults.exclude
  }
})
