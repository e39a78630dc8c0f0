import { assert, layer } from "@effect/vitest"
import { Array, Effect, Fiber, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { assertError, textAt } from "../support/client.ts"
import { MailServer } from "../support/smtp.ts"
import { Hosted, serviceOf } from "./hosted.ts"
import { hashOf, hosts } from "./hosts.ts"

/** Waits until somebody waits for a lock that another transaction has. */
const somebodyWaits = Effect.gen(function* () {
  const { sql } = yield* Hosted
  const waiting = sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  yield* Effect.repeat(Effect.delay(waiting, "5 millis"), { until: (rows) => rows.length > 0 })
})

// One whose hash is in the row of the user, with sessions, and one whose isn't, and costs more.
for (const host of hosts.filter(({ name }) => name === "laravel" || name === "better-auth")) {
  const { hash, key, table } = host.row
  const [resets, rounds, people] = host.name === "better-auth" ? [10, 3, 2] : [50, 10, 5]

  /** A password that the host sets in a transaction which goes on until `meanwhile` is done. */
  const hostSets = Effect.fnUntraced(function* <A, E, R>(
    id: string,
    password: string,
    meanwhile: Effect.Effect<A, E, R>
  ) {
    const { sql } = yield* Hosted
    const text = yield* hashOf(host, password)
    return yield* Effect.andThen(
      sql.unsafe(`update ${table} set ${hash} = '${text}' where ${key} = '${id}'`),
      meanwhile
    ).pipe(sql.withTransaction)
  })

  layer(Layer.provideMerge(Hosted.layer(host), MailServer.layer), { excludeTestServices: true })(
    `races for a user of ${host.name}`,
    (it) => {
      it.effect("of many resets with one code on two processes one wins, and the host has its password (B1)", () =>
        Effect.gen(function* () {
          const hosted = yield* Hosted
          const other = yield* serviceOf(hosted)
          const ada = yield* hosted.user()
          yield* hosted.signInAtHost(ada.id)
          const code = yield* hosted.codeFor(ada.email)
          const passwords = Array.makeBy(resets, (number) => `a long new phrase ${number}`)
          const answers = yield* Effect.forEach(
            passwords,
            (password, number) => (number % 2 === 0 ? hosted : other).reset(code, password),
            { concurrency: "unbounded" }
          )
          const won = passwords.filter((_, number) => answers[number]?.status === 200)
          assert.lengthOf(won, 1)
          for (const answer of answers.filter(({ status }) => status !== 200)) assertError(answer, 403, "ResetCodeUsed")
          assert.isTrue(yield* hosted.letsIn(ada.id, won[0] ?? ""))
          assert.strictEqual(yield* hosted.sessions(ada.id), 0)
        })
      )

      it.effect("a password that the host sets during a reset stays, and the code ends (B4)", () =>
        Effect.gen(function* () {
          const { codeFor, letsIn, reset, sessions, signInAtHost, user } = yield* Hosted
          const ada = yield* user()
          yield* signInAtHost(ada.id)
          const code = yield* codeFor(ada.email)
          const chosen = "what the host let her choose"
          const resetting = yield* hostSets(
            ada.id,
            chosen,
            Effect.tap(Effect.forkScoped(reset(code, "a long new phrase")), () => somebodyWaits)
          )
          assertError(yield* Fiber.join(resetting), 403, "ResetCodeSuperseded")
          assert.isTrue(yield* letsIn(ada.id, chosen))
          assert.strictEqual(yield* sessions(ada.id), 1)
        })
      )

      it.effect("a reset during a host's transaction that is given up goes through", () =>
        Effect.gen(function* () {
          const { codeFor, letsIn, reset, user } = yield* Hosted
          const ada = yield* user()
          const code = yield* codeFor(ada.email)
          let resetting = Option.none<Fiber.Fiber<Effect.Success<ReturnType<typeof reset>>>>()
          yield* Effect.exit(
            hostSets(
              ada.id,
              "never committed",
              Effect.gen(function* () {
                resetting = Option.some(yield* Effect.forkScoped(reset(code, "a long new phrase")))
                yield* somebodyWaits
                return yield* Effect.fail("given up")
              })
            )
          )
          const answer = yield* Fiber.join(Option.getOrThrow(resetting))
          assert.strictEqual(answer.status, 200, answer.text)
          assert.isTrue(yield* letsIn(ada.id, "a long new phrase"))
        })
      )

      it.effect("a sign-in, a change and resets at once leave one password, which both know", () =>
        Effect.gen(function* () {
          const { changePassword, codeFor, letsIn, me, reset, setPassword, signIn, user } = yield* Hosted
          const ada = yield* user()
          for (const round of Array.range(1, rounds)) {
            const last = `the one of round ${round}`
            yield* setPassword(ada.id, last)
            const jwt = textAt(yield* signIn(ada.email, last), "jwt")
            const code = yield* codeFor(ada.email)
            const tried = [`reset in round ${round}`, `changed in round ${round}`, `by the host in round ${round}`]
            const answers = yield* Effect.all(
              [
                reset(code, tried[0] ?? ""),
                changePassword(jwt, last, tried[1] ?? ""),
                Effect.as(setPassword(ada.id, tried[2] ?? ""), { status: 200 }),
                signIn(ada.email, last)
              ],
              { concurrency: "unbounded" }
            )
            const open = yield* Effect.filter(tried, (password) => letsIn(ada.id, password))
            assert.lengthOf(open, 1, JSON.stringify(answers.map(({ status }) => status)))
            assert.strictEqual((yield* signIn(ada.email, open[0] ?? "")).status, 200)
            assert.strictEqual((yield* signIn(ada.email, last)).status, 400)
            // A session that was opened for the former password, or by it, is of no use.
            if (open[0] !== tried[1]) assert.strictEqual((yield* me(jwt)).status, 401)
          }
        })
      )

      it.effect("many who are met for the first time by two processes at once get one shadow each", () =>
        Effect.gen(function* () {
          const hosted = yield* Hosted
          const other = yield* serviceOf(hosted)
          const met = yield* Effect.forEach(Array.range(1, people), () => hosted.user())
          const answers = yield* Effect.forEach(
            met.flatMap((person) => [
              hosted.signIn(person.email, person.password),
              other.signIn(person.email, person.password),
              hosted.forgot(person.email)
            ]),
            (asked) => asked,
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual([...new Set(answers.map(({ status }) => status))], [200])
          const [counted] = yield* Effect.provideService(
            Effect.flatMap(
              SqlClient.SqlClient,
              (sql) => sql<{ readonly shadows: number; readonly people: number }>`
              select count(*)::int as shadows, count(distinct host_id)::int as people from rekey.users
              where email_key in ${sql.in(met.map(({ email }) => email.toLowerCase()))}`
            ),
            SqlClient.SqlClient,
            hosted.sql
          )
          assert.deepStrictEqual(counted, { shadows: people, people })
        })
      )
    }
  )
}
