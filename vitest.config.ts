import { configDefaults, defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // For minutes, and in runs of their own: each has its vitest.*.config.ts.
    exclude: [...configDefaults.exclude, "test/faults/**", "test/hosts/**", "test/package/**", "test/pages/**"],
    globalSetup: ["test/support/memory.ts", "test/support/surroundings.ts"],
    // Processes, not threads: argon2 and PGlite hold native and WebAssembly memory, and tests send signals.
    pool: "forks",
    // As src/main.ts has it: the embedded database is compiled once.
    execArgv: ["--no-wasm-tier-up", "--no-wasm-dynamic-tiering"],
    // Files share their process, its modules and its embedded database, which take longer to load than most files.
    isolate: false,
    // One more than the cores that it is measured on: tests wait for databases and processes now and then.
    maxWorkers: 3,
    // On a busy machine of CI a test may be tried once more; the report says which was.
    retry: process.env.CI === undefined ? 0 : 1,
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
