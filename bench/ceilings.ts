import { createServer, type Server } from "node:http"
import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import { requestText } from "./http.ts"
import { type LoadResult, resultOf, runLoad } from "./load.ts"

/** What nothing that answers requests from a database can go beyond, on this machine and with this client. */
export interface Ceilings {
  /** `GET` of an empty Node server that does nothing else. It shares a process with what asks. */
  readonly emptyServer: LoadResult
  /** One row by its primary key. */
  readonly indexedRead: LoadResult
  /** One row changed, and on the disk. */
  readonly committedWrite: LoadResult
}

/** Its port. */
const emptyServer = Effect.acquireRelease(
  Effect.callback<Server>((resume) => {
    const server = createServer((_, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": 11 }).end('{"ok":true}')
    })
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) =>
    Effect.callback<void>((resume) => {
      server.close(() => resume(Effect.void))
    })
).pipe(
  Effect.map((server) => {
    const address = server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  })
)

const atOnce = 32

/** Runs a statement so many times, `atOnce` of them at a time. */
const statements = <A, E>(statement: Effect.Effect<A, E>, count: number) =>
  Effect.gen(function* () {
    const millis: Array<number> = []
    const timed = Effect.suspend(() => {
      const sent = performance.now()
      return Effect.map(statement, () => millis.push(performance.now() - sent))
    })
    const began = performance.now()
    yield* Effect.forEach(Array.from({ length: count }), () => timed, { concurrency: atOnce, discard: true })
    return resultOf(millis, performance.now() - began)
  })

export const measureCeilings = Effect.fn("measureCeilings")(function* (sql: SqlClient.SqlClient, count: number) {
  yield* sql`create table if not exists ceiling (id integer primary key, touched integer not null)`
  yield* sql`insert into ceiling select n, 0 from generate_series(1, 1000) n on conflict do nothing`
  const random = Effect.sync(() => 1 + Math.floor(Math.random() * 1000))
  const read = Effect.flatMap(random, (id) => sql`select touched from ceiling where id = ${id}`)
  const write = Effect.flatMap(random, (id) => sql`update ceiling set touched = touched + 1 where id = ${id}`)
  const exchange = { request: requestText("GET", "/"), isRight: ({ status }: { status: number }) => status === 200 }
  yield* statements(read, count)
  const ceilings: Ceilings = {
    emptyServer: yield* runLoad(
      yield* emptyServer,
      Array.from({ length: count }, () => exchange),
      atOnce
    ),
    indexedRead: yield* statements(read, count),
    committedWrite: yield* statements(write, count)
  }
  return ceilings
}, Effect.scoped)
