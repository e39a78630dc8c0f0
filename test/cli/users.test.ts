import { assert, layer } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { clientOf } from "../support/client.ts"
import { embeddedPlace, type Place, placeWith, postgresPlace } from "../support/commandLine.ts"
import { programWith, spawnServer, startServer } from "../support/server.ts"

const idOf = (text: string): string => /[0-9a-f-]{36}/.exec(text)?.[0] ?? assert.fail(text)

/** Lines of CSV, without the first. */
const recordsIn = (csv: string) => csv.trimEnd().split("\n").slice(1)

layer(Logger.layer([]), { excludeTestServices: true })("rekey user", (it) => {
  it.effect(
    "makes, shows, lists, blocks and deletes accounts, and the trail says so",
    () =>
      Effect.gen(function* () {
        const { done, rekey, told } = yield* postgresPlace
        const ada = idOf(yield* done("user", "create", "ada", "Ada@example.com", "--confirmed"))
        const bob = idOf(yield* done("user", "create", "bob", "bob@example.com"))

        const taken = yield* rekey("user", "create", "Bob", "other@example.com")
        assert.deepStrictEqual([taken.code, taken.stdout], [1, ""])
        assert.include(taken.stderr, "has an account already")

        const [shown] = yield* told("user", "show", " ADA@EXAMPLE.COM")
        assert.deepInclude(shown, {
          id: ada,
          username: "ada",
          email: "Ada@example.com",
          confirmed: true,
          blocked: false
        })

        assert.include(yield* done("user", "block", "bob"), `Blocked ${bob}`)
        assert.include(yield* done("user", "block", bob), "blocked already")
        assert.deepStrictEqual(
          (yield* told("user", "list", "--no-blocked")).map(({ id }) => id),
          [ada]
        )
        assert.match(yield* done("user", "list", "--containing", "BOB"), /^ID .*\n\S+ +bob +bob@example\.com +no +yes /)
        yield* done("user", "unblock", "bob")

        const unasked = yield* rekey("user", "delete", "bob")
        assert.strictEqual(unasked.code, 2)
        assert.include(unasked.stderr, "--yes")
        yield* done("user", "delete", "bob", "--yes")
        const gone = yield* rekey("user", "show", "bob")
        assert.deepStrictEqual([gone.code, gone.stdout], [1, ""])

        const trail = yield* told("audit", "tail", "--user", bob)
        assert.deepStrictEqual(
          trail.map(({ actor, event }) => `${event} ${actor}`),
          ["account.created cli", "account.blocked cli", "account.unblocked cli", "account.deleted cli"]
        )
      }),
    180_000
  )

  it.effect(
    "brings what it exports into another database, hashes and all",
    () =>
      Effect.gen(function* () {
        const from = yield* postgresPlace
        yield* from.done("user", "create", "ada, the first", "ada@example.com", "--confirmed")
        yield* from.done("user", "create", 'the "other"', "bob@example.com")
        for (const [format, place] of [
          ["csv", postgresPlace],
          ["jsonl", embeddedPlace]
        ] as const) {
          const to: Place = yield* place
          const exported = yield* from.done("user", "export", "--with-hashes", "--format", format)
          yield* to.done("user", "import", yield* to.file(`people.${format}`, exported))
          assert.strictEqual(yield* to.done("user", "export", "--with-hashes", "--format", format), exported)
        }
        const bare = yield* from.done("user", "export", "--format", "csv")
        assert.lengthOf(recordsIn(bare), 2)
        assert.notInclude(bare, "$argon2id$")
      }),
    180_000
  )

  it.effect(
    "takes a password from standard input under the policy, and it signs in; without one none does",
    () =>
      Effect.gen(function* () {
        const place = yield* postgresPlace
        const withPassword = (password: string, ...names: ReadonlyArray<string>) =>
          Effect.flatMap(
            spawnServer({
              command: `echo '${password}' | ${programWith("user", "create", ...names, "--password-stdin")}`,
              env: place.env
            }),
            ({ exit, output }) => Effect.map(exit, ({ code }) => ({ code, ...output }))
          )
        const common = yield* withPassword("password1", "ada", "ada@example.com")
        assert.strictEqual(common.code, 1)
        assert.notInclude(common.stderr, "password1")
        assert.strictEqual((yield* withPassword("a long old phrase", "ada", "ada@example.com")).code, 0)
        yield* place.done("user", "create", "bob", "bob@example.com")
        const { url } = yield* startServer({ env: place.env })
        const client = yield* clientOf(url)
        assert.strictEqual((yield* client.signIn("ada", "a long old phrase")).status, 200)
        assert.strictEqual((yield* client.signIn("bob", "")).status, 400)
      }),
    180_000
  )

  it.effect(
    "doesn't make a database where there is none, and says what to do",
    () =>
      Effect.gen(function* () {
        const { rekey } = yield* placeWith({})
        const { code, stderr } = yield* rekey("user", "list")
        assert.strictEqual(code, 1)
        assert.match(stderr, /^There is no database in DATA_DIR .*rekey migrate.*\n$/)
      }),
    180_000
  )

  it.effect(
    "says of an embedded database that a server has that it belongs to one process",
    () =>
      Effect.gen(function* () {
        const { dataDir } = yield* startServer()
        const { rekey } = yield* placeWith({ DATA_DIR: dataDir })
        const { code, stderr } = yield* rekey("user", "list")
        assert.strictEqual(code, 1)
        assert.match(stderr, /^DATA_DIR .* is in use by another process: .*\n$/)
      }),
    180_000
  )

  it.effect(
    "ends with 4 where the database isn't there, and with 1 where it is older",
    () =>
      Effect.gen(function* () {
        const { rekey } = yield* placeWith({ DATABASE_URL: "postgres://nobody@127.0.0.1:1/x" })
        const away = yield* rekey("user", "list")
        assert.strictEqual(away.code, 4)
        assert.include(away.stderr, "ECONNREFUSED")
        const { env, sql } = yield* postgresPlace
        yield* sql`delete from rekey_migrations where id = (select max(id) from rekey_migrations)`
        const older = yield* (yield* placeWith(env)).rekey("user", "list")
        assert.strictEqual(older.code, 1)
        assert.include(older.stderr, "rekey migrate")
      }),
    180_000
  )
})
