/**
 * Runs the model for longer: `npm run test:model -- --runs 2000`, and again as it was with `--seed N`.
 */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

const project = fileURLToPath(new URL("../../", import.meta.url))
const { values } = parseArgs({ options: { runs: { type: "string", default: "1000" }, seed: { type: "string" } } })

const { status } = spawnSync(process.execPath, [join(project, "node_modules/vitest/vitest.mjs"), "run", "test/model"], {
  cwd: project,
  stdio: "inherit",
  env: { ...process.env, MODEL_RUNS: values.runs, ...(values.seed && { MODEL_SEED: values.seed }) }
})
process.exitCode = status ?? 1
