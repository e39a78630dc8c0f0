import { assert, layer } from "@effect/vitest"
import { hash } from "@node-rs/argon2"
import { Effect, Logger } from "effect"
import { clientOf } from "../support/client.ts"
import { type Ended, type Place, postgresPlace } from "../support/commandLine.ts"
import { startServer } from "../support/server.ts"

const password = "a long old phrase"
const oldHash = Effect.promise(() => hash(password, { memoryCost: 8192, timeCost: 3, parallelism: 1 }))

/** Numbers and reasons of what was refused, out of a report. */
const refusedIn = ({ stdout }: Ended) =>
  new Map([...stdout.matchAll(/^line (\d+): (.*)$/gm)].map(([, line, reason]) => [Number(line), reason ?? ""]))

const addressesIn = (place: Place) =>
  Effect.map(place.told("user", "list", "--limit", "10000"), (users) => users.map(({ email }) => String(email)))

layer(Logger.layer([]), { excludeTestServices: true })("rekey user import", (it) => {
  it.effect(
    "makes accounts of the good lines, and says of each other line what is wrong with it",
    () =>
      Effect.gen(function* () {
        const place = yield* postgresPlace
        yield* place.done("user", "create", "taken", "taken@example.com")
        const good = yield* oldHash
        const csv = [
          "\uFEFFE-mail,User Name,password_hash,confirmed,created",
          `ada@example.com,ada,"${good}",yes,2020-02-29`,
          `not an address,other,"${good}",no,`,
          "",
          `bob@example.com,bo,md5:0123,perhaps,2021-02-29`,
          `TAKEN@example.com,Taken,"${good}",,`,
          `Ada@Example.com,eve,"${good}",,`,
          `"a quote that never ends,x,y,z,w`,
          `eve@example.com,"eve, again",,,2020-01-01 10:00:00+02`,
          "too,few",
          `x@example.com,${"x".repeat(70_000)},,,`,
          `mallory@example.com,,"$argon2id$v=19$m=4194304,t=2,p=1$irS++Eu90zg1uO8fpXNQbQ$woMagjRML6iEul78NgDrrsoFMa5oGBdbhqUmFstXyLo",,`,
          ",nobody,,,"
        ]
        const latin = Buffer.from("caf\xe9@example.com,cafe,,,\n", "latin1")
        const path = yield* place.file("people.csv", Buffer.concat([Buffer.from(`${csv.join("\r\n")}\r\n`), latin]))
        const columns = ["--column", "createdAt=created"]

        const unknown = yield* place.rekey("user", "import", path)
        assert.strictEqual(unknown.code, 2)
        assert.include(unknown.stderr, '"created"')

        const rehearsed = yield* place.rekey("user", "import", path, ...columns, "--dry-run")
        assert.strictEqual(rehearsed.code, 3)
        assert.deepStrictEqual(yield* addressesIn(place), ["taken@example.com"])

        const imported = yield* place.rekey("user", "import", path, ...columns)
        assert.strictEqual(imported.code, 3, imported.stderr)
        const refused = refusedIn(imported)
        assert.deepStrictEqual([...refused.keys()], [3, 5, 6, 7, 8, 10, 11, 12, 13, 14])
        assert.strictEqual(refused.get(3), "email: must be one e-mail address")
        for (const name of ["username", "passwordHash", "confirmed", "createdAt"])
          assert.include(refused.get(5), `${name}:`)
        assert.strictEqual(refused.get(6), "email: has an account already; username: has an account already")
        assert.strictEqual(refused.get(7), "email: has an account already")
        assert.include(refused.get(8), "is no CSV")
        assert.include(refused.get(10), "has 2 cells")
        assert.include(refused.get(11), "longer than 64 KiB")
        assert.include(refused.get(12), "passwordHash:")
        assert.strictEqual(refused.get(13), "email: is missing")
        assert.strictEqual(refused.get(14), "isn't UTF-8")
        assert.match(imported.stdout, /Imported 2 accounts of 12 lines .*; refused 10 lines\.\n$/)
        // Nothing of what stood in a refused line is told: it may be a secret.
        assert.notMatch(imported.stdout, /md5|perhaps|mallory/)

        const [ada] = yield* place.told("user", "show", "ada")
        assert.deepInclude(ada, { confirmed: true, createdAt: "2020-02-29T00:00:00.000Z" })
        const [eve] = yield* place.told("user", "show", "eve@example.com")
        assert.deepInclude(eve, { username: "eve, again", confirmed: false, createdAt: "2020-01-01T08:00:00.000Z" })

        const again = yield* place.rekey("user", "import", path, ...columns)
        assert.deepStrictEqual(refusedIn(again), refused)
        assert.strictEqual((yield* addressesIn(place)).length, 3)

        const { env } = place
        const { url } = yield* startServer({ env })
        const client = yield* clientOf(url)
        assert.strictEqual((yield* client.signIn("ada", password)).status, 200)
        assert.strictEqual((yield* client.signIn("eve@example.com", "")).status, 400)
      }),
    180_000
  )

  it.effect(
    "reads JSON lines, with members by other names",
    () =>
      Effect.gen(function* () {
        const place = yield* postgresPlace
        const passwordHash = yield* oldHash
        const lines = [
          { email: "ada@example.com", name: "ada", encrypted_password: passwordHash, confirmed: true, role: "x" },
          { email: "bob@example.com", name: null, blocked: 1 },
          { email: ["eve@example.com"] },
          "a string"
        ]
        const path = yield* place.file(
          "people.jsonl",
          `${lines.map((line) => JSON.stringify(line)).join("\n")}\n{"email":`
        )
        const flags = ["--column", "passwordHash=encrypted_password", "--column", "username=name"]
        const strict = yield* place.rekey("user", "import", path, ...flags, "--dry-run")
        assert.include(refusedIn(strict).get(1), '"role"')
        const imported = yield* place.rekey("user", "import", path, ...flags, "--ignore-unknown")
        assert.strictEqual(imported.code, 3)
        assert.deepStrictEqual([...refusedIn(imported).keys()], [3, 4, 5])
        const [ada, bob] = yield* place.told("user", "list")
        assert.deepInclude(ada, { username: "ada", confirmed: true })
        assert.deepInclude(bob, { username: bob?.id, blocked: true })
      }),
    180_000
  )

  it.effect(
    "goes on where it was killed: each line once, and the report of all of them",
    () =>
      Effect.gen(function* () {
        const place = yield* postgresPlace
        const count = 20_000
        const isBad = (line: number) => line % 100 === 0
        const lines = Array.from({ length: count }, (_, at) =>
          JSON.stringify({
            email: isBad(at + 1) ? "nobody" : `person${at + 1}@example.com`,
            username: `person${at + 1}`
          })
        )
        const path = yield* place.file("people.jsonl", lines.join("\n"))
        const { sql } = place
        const reached = Effect.map(
          sql<{ readonly lines: number }>`select lines::int as lines from imports`,
          ([row]) => row?.lines ?? 0
        )

        const killed = yield* place.spawn("user", "import", path)
        yield* Effect.repeat(Effect.delay(reached, "10 millis"), { until: (lines) => lines > 0 })
        yield* killed.stop("SIGKILL")
        const stored = sql<{ readonly accounts: number; readonly refusals: number; readonly steps: number }>`
        select (select count(*)::int from users) as accounts, (select count(*)::int from import_refusals) as refusals,
          (select count(*)::int from audit where event = 'account.imported' and actor = 'cli') as steps`
        // The server may still be ending what the dead process sent.
        yield* Effect.repeat(
          Effect.delay(
            sql`select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
            "10 millis"
          ),
          { until: (others) => others.length === 0 }
        )
        const lineReached = yield* reached
        assert.isBelow(lineReached, count)
        const [half] = yield* stored
        assert.deepStrictEqual(half, {
          accounts: lineReached - lineReached / 100,
          refusals: lineReached / 100,
          steps: lineReached - lineReached / 100
        })

        const resumed = yield* place.rekey("user", "import", path)
        assert.strictEqual(resumed.code, 3, resumed.stderr)
        assert.include(resumed.stderr, `line ${lineReached}`)
        assert.deepStrictEqual([...refusedIn(resumed).keys()], lines.map((_, at) => at + 1).filter(isBad))
        const [whole] = yield* stored
        assert.deepStrictEqual(whole, { accounts: 19_800, refusals: 200, steps: 19_800 })
      }),
    180_000
  )

  it.effect(
    "two at once of one file make each account once, and one of them says that the other is at it",
    () =>
      Effect.gen(function* () {
        const place = yield* postgresPlace
        const lines = Array.from({ length: 10_000 }, (_, at) => `person${at}@example.com`)
        const path = yield* place.file("people.csv", `email\n${lines.join("\n")}\n`)
        const ends = yield* Effect.all([place.rekey("user", "import", path), place.rekey("user", "import", path)], {
          concurrency: 2
        })
        const codes = ends.map(({ code }) => code)
        assert.include(codes, 0, JSON.stringify(ends))
        for (const { code, stderr } of ends) if (code !== 0) assert.include(stderr, "Another process")
        const [row] = yield* place.sql<{ readonly accounts: number }>`select count(*)::int as accounts from users`
        assert.strictEqual(row?.accounts, 10_000)
      }),
    180_000
  )
})
