import { configDefaults, defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** What a reader of docs/ types is tried beside what is published: see vitest.package.config.ts. */
export const walksThroughDocs = ["test/docs/{commands,deploy,events,walks}.test.ts"]

/** Files that start processes, or the model, which takes them through many turns: short to read, and the longest to run. */
const takesLong = ({ moduleId }: TestSpecification): boolean => /\/test\/(cli|e2e|model)\//.test(moduleId)

/** Long files first, so that no worker is left with one in the end. Vitest takes the larger first, where it has no times from before. */
class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const sorted = await super.sort(files)
    return [...sorted.filter(takesLong), ...sorted.filter((file) => !takesLong(file))]
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // For minutes, and in runs of their own: each has its vitest.*.config.ts.
    exclude: [
      ...configDefaults.exclude,
      ...["test/faults/**", "test/hosts/**", "test/package/**", "test/pages/**"],
      ...walksThroughDocs
    ],
    globalSetup: ["test/support/memory.ts", "test/support/surroundings.ts"],
    // Processes, not threads: argon2 and PGlite hold native and WebAssembly memory, and tests send signals.
    pool: "forks",
    // As src/main.ts has it: the embedded database is compiled once.
    execArgv: ["--no-wasm-tier-up", "--no-wasm-dynamic-tiering"],
    // Files share their process, its modules and its embedded database, which take longer to load than most files.
    isolate: false,
    // Two more than the cores that it is measured on: tests wait for databases and processes now and then.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    // On a busy machine of CI a test may be tried once more; the report says which was.
    retry: process.env.CI === undefined ? 0 : 1,
    // The report names slow tests: those that are slow here, where many start a process or a database.
    slowTestThreshold: 5000,
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
