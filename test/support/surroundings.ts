import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { Effect, Redacted } from "effect"
import type { TestProject } from "vitest/node"
import { startPostgres } from "./postgres.ts"
import { buildProgram } from "./program.ts"
import { databaseOn, runOn } from "./statements.ts"

declare module "vitest" {
  export interface ProvidedContext {
    /** A PostgreSQL server on which databases may be created. */
    readonly postgresUrl: string
    /** The name of a database there that has our tables, to be copied. */
    readonly postgresTemplate: string
    /** The path of the built program. */
    readonly program: string
  }
}

/** What all tests of a run share: there before the first of them, gone after the last. */
export default async ({ provide }: TestProject) => {
  const [postgres, program] = await Promise.all([startPostgres(), buildProgram()])
  const asOwner = (statement: string) => Effect.runPromise(runOn(Redacted.make(postgres.url), statement))
  const template = `rekey_template_${process.pid}`
  await asOwner(`create database ${template}`)
  await promisify(execFile)(process.execPath, [program.path, "migrate"], {
    env: { DATABASE_URL: databaseOn(postgres.url, template) }
  })
  provide("postgresUrl", postgres.url)
  provide("postgresTemplate", template)
  provide("program", program.path)
  return async () => {
    await asOwner(`drop database ${template}`)
    await postgres.stop()
    await program.remove()
  }
}
