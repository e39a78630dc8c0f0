import { configDefaults, defineConfig } from "vitest/config"
import shared from "./vitest.config.ts"

export default defineConfig({
  test: {
    ...shared.test,
    include: ["test/hosts/*.test.ts"],
    exclude: configDefaults.exclude
  }
})
