import { spawn } from "node:child_process"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Data, Effect } from "effect"
import { temporaryFolder } from "./folder.ts"
import { freePort } from "./freePort.ts"

class PgBouncerMissing extends Data.TaggedError("PgBouncerMissing")<{ readonly complaint: string }> {
  override get message() {
    return `PgBouncer didn't start: ${this.complaint}\nDebian's package is named pgbouncer.`
  }
}

/**
 * PgBouncer in transaction mode between a service and its database, gone with the scope: it keeps `connections` to PostgreSQL, however
 * many it is asked for.
 */
export const startPgBouncer = Effect.fn("startPgBouncer")(function* (databaseUrl: string, connections: number) {
  const port = yield* freePort
  const file = join(yield* temporaryFolder, "pgbouncer.ini")
  const { hostname, password, pathname, port: databasePort, username } = new URL(databaseUrl)
  yield* Effect.promise(() =>
    writeFile(
      file,
      `[databases]
bench = host=${hostname} port=${databasePort} dbname=${pathname.slice(1)} user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${connections}
`
    )
  )
  // It refuses to run as root.
  const parameters = process.getuid?.() === 0 ? ["-u", "nobody", file] : [file]
  const bouncer = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn("pgbouncer", parameters, {
        stdio: ["ignore", "ignore", "pipe"],
        // Debian has it where only root looks.
        env: { PATH: `${process.env.PATH}:/usr/sbin` }
      })
      const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
      return { child, ended }
    }),
    ({ child, ended }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return ended
      })
  )
  yield* Effect.callback<void, PgBouncerMissing>((resume) => {
    let said = ""
    bouncer.child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text
      if (said.includes("process up")) resume(Effect.void)
    })
    bouncer.child.once("error", (error) => resume(Effect.fail(new PgBouncerMissing({ complaint: error.message }))))
    bouncer.child.once("close", () => resume(Effect.fail(new PgBouncerMissing({ complaint: said }))))
  })
  return { url: `postgres://${username}@127.0.0.1:${port}/bench`, pid: bouncer.child.pid ?? 0 }
})
