import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { assertError, bearer, textAt } from "../support/client.ts"
import { placeWith } from "../support/commandLine.ts"
import { MailServer } from "../support/smtp.ts"
import { Hosted, hostDatabase } from "./hosted.ts"
import { type Host, hosts } from "./hosts.ts"

const hostNamed = (name: string): Host => hosts.find((host) => host.name === name) ?? assert.fail(name)

const django = hostNamed("django")

const password = "a long new phrase"

const databaseName = (url: Redacted.Redacted) => new URL(Redacted.value(url)).pathname.slice(1)

layer(Layer.provideMerge(Hosted.layer(django), MailServer.layer), { excludeTestServices: true })(
  "users of a host that have something about them",
  (it) => {
    /** Asks for a code and waits until that was looked at; whether there is one. */
    const getsCode = Effect.fnUntraced(function* (email: string) {
      const { forgot, sql } = yield* Hosted
      assert.strictEqual((yield* forgot(email)).text, `{"ok":true}`)
      const waiting = sql`select from rekey.recovery_requests`
      yield* Effect.repeat(Effect.delay(waiting, "5 millis"), { until: (rows) => rows.length === 0 })
      const [codes] = yield* sql<{ readonly count: number }>`
        select count(*)::int as count from rekey.reset_codes c join rekey.users u on u.id = c.user_id
        where lower(u.email) = lower(${email})`
      return (codes?.count ?? 0) > 0
    })

    it.effect("share an address in different case: nobody gets a code or in, and the log says who they are", () =>
      Effect.gen(function* () {
        const { logs, signIn, user } = yield* Hosted
        const ada = yield* user({ email: "Shared@example.com" })
        const eve = yield* user({ email: "shared@example.com", password: "the phrase of eve" })
        assert.isFalse(yield* getsCode("shared@example.com"))
        assertError(yield* signIn("shared@example.com", ada.password), 400, "InvalidCredentials")
        assertError(yield* signIn(eve.username, eve.password), 400, "InvalidCredentials")
        const line = logs.find((line) => line.includes("share an address")) ?? assert.fail(logs.join("\n"))
        assert.include(line, ada.id)
        assert.notInclude(line.toLowerCase(), "shared@example.com")
      })
    )

    it.effect("had the address first and have company by now: no code, and their session goes on", () =>
      Effect.gen(function* () {
        const { me, signIn, user } = yield* Hosted
        const ada = yield* user({ email: "first@example.com" })
        const jwt = textAt(yield* signIn(ada.email, ada.password), "jwt")
        yield* user({ email: "FIRST@example.com" })
        assert.isFalse(yield* getsCode("first@example.com"))
        assert.strictEqual((yield* me(jwt)).status, 200)
      })
    )

    it.effect("have no password: no code, and no way in", () =>
      Effect.gen(function* () {
        const { signIn, user } = yield* Hosted
        for (const [name, hash] of [
          ["elsewhere", null],
          ["empty", ""]
        ] as const) {
          const ada = yield* user({ email: `${name}@example.com`, hash })
          assert.isFalse(yield* getsCode(ada.email))
          assertError(yield* signIn(ada.email, ""), 400, "InvalidCredentials")
          assertError(yield* signIn(ada.email, "!"), 400, "InvalidCredentials")
        }
      })
    )

    it.effect("have a hash of an unknown format: they can't sign in, and can be reset", () =>
      Effect.gen(function* () {
        const { codeFor, letsIn, logs, reset, signIn, user } = yield* Hosted
        const ada = yield* user({ email: "old@example.com", hash: "crypt$$azS9YLXnDvDf." })
        assertError(yield* signIn(ada.email, "letmein"), 400, "InvalidCredentials")
        assert.isTrue(logs.some((line) => line.includes("no known format")))
        const answer = yield* reset(yield* codeFor(ada.email), password)
        assert.strictEqual(answer.status, 200, answer.text)
        assert.isTrue(yield* letsIn(ada.id, password))
      })
    )

    it.effect("are blocked by the host: no code, no session, and a code from before is refused", () =>
      Effect.gen(function* () {
        const { codeFor, me, reset, run, signIn, user } = yield* Hosted
        const ada = yield* user({ email: "blocked@example.com" })
        const jwt = textAt(yield* signIn(ada.email, ada.password), "jwt")
        const code = yield* codeFor(ada.email)
        yield* run(django.block?.(ada.id) ?? "")
        assert.strictEqual((yield* me(jwt)).status, 401)
        assertError(yield* signIn(ada.email, ada.password), 403, "AccountBlocked")
        assertError(yield* reset(code, password), 403, "AccountBlocked")
      })
    )

    it.effect("have no address that can be written to: a name alone opens nothing", () =>
      Effect.gen(function* () {
        const { signIn, user } = yield* Hosted
        for (const email of [
          "",
          " spaces@example.com",
          "søren@example.com",
          "no-domain",
          "two@example.com@example.com"
        ]) {
          const ada = yield* user({ email })
          assertError(yield* signIn(ada.username, ada.password), 400, "InvalidCredentials")
        }
      })
    )

    it.effect("have names that ours may not have, and are shown by them", () =>
      Effect.gen(function* () {
        const { me, signIn, user } = yield* Hosted
        for (const username of ["x", "ada@home", "a".repeat(150)]) {
          const ada = yield* user({ username })
          const jwt = textAt(yield* signIn(ada.email, ada.password), "jwt")
          assert.strictEqual(textAt(yield* me(jwt), "username"), username)
        }
      })
    )

    it.effect("change their address, and swap it: each code and session goes to the right one", () =>
      Effect.gen(function* () {
        const { codeFor, letsIn, me, reset, run, signIn, user } = yield* Hosted
        const [ada, bob] = [yield* user({ email: "ada@example.com" }), yield* user({ email: "bob@example.com" })]
        const jwt = textAt(yield* signIn(ada.email, ada.password), "jwt")
        yield* signIn(bob.email, bob.password)
        const code = yield* codeFor(ada.email)
        yield* run(
          `update auth_user set email = case id when ${ada.id} then '${bob.email}' else '${ada.email}' end where id in (${ada.id}, ${bob.id})`
        )
        assertError(yield* reset(code, password), 403, "ResetCodeSuperseded")
        assert.strictEqual((yield* me(jwt)).status, 401)
        assert.strictEqual((yield* reset(yield* codeFor(ada.email), password)).status, 200)
        assert.deepStrictEqual([yield* letsIn(bob.id, password), yield* letsIn(ada.id, password)], [true, false])
      })
    )

    it.effect("aren't Rekey's to register, to confirm or to delete", () =>
      Effect.gen(function* () {
        const { me, post, signIn, user } = yield* Hosted
        const ada = yield* user()
        const jwt = textAt(yield* signIn(ada.email, ada.password), "jwt")
        const leaving = yield* post("/auth/delete-account", { currentPassword: ada.password }, bearer(jwt))
        assertError(leaving, 403, "AccountKeptElsewhere")
        assert.strictEqual((yield* me(jwt)).status, 200)
        const body = { username: "somebody", email: "new@example.com", password }
        assertError(yield* post("/auth/local/register", body), 403, "RegistrationClosed")
        assert.strictEqual((yield* post("/auth/send-email-confirmation", { email: body.email })).status, 200)
      })
    )

    it.effect("lose nothing while the host's table is another one: 503, once in the log, and on it goes", () =>
      Effect.gen(function* () {
        const { codeFor, hashIn, letsIn, logs, me, rekeys, reset, run, signIn, user } = yield* Hosted
        const ada = yield* user()
        const jwt = textAt(yield* signIn(ada.email, ada.password), "jwt")
        const code = yield* codeFor(ada.email)
        const before = yield* hashIn(ada.id)
        for (const [away, back] of [
          [
            "alter table auth_user rename column is_active to active",
            "alter table auth_user rename column active to is_active"
          ],
          ["alter table auth_user rename to users", "alter table users rename to auth_user"],
          [
            `revoke select (email) on auth_user from ${rekeys.name}`,
            `grant select (email) on auth_user to ${rekeys.name}`
          ],
          [
            "alter table auth_user add check (length(password) < 10) not valid",
            "alter table auth_user drop constraint auth_user_password_check"
          ]
        ] as const) {
          yield* run(away)
          assertError(yield* reset(code, password), 503, "Unavailable")
          if (!away.includes("check")) {
            assertError(yield* signIn(ada.email, ada.password), 503, "Unavailable")
            assertError(yield* me(jwt), 503, "Unavailable")
          }
          yield* run(back)
          assert.strictEqual(yield* hashIn(ada.id), before)
        }
        const told = logs.filter((line) => line.includes("host's tables can't be used now"))
        assert.lengthOf(told, 1, told.join("\n"))
        assert.include(told[0], "is_active")
        assert.strictEqual((yield* reset(code, password)).status, 200)
        assert.isTrue(yield* letsIn(ada.id, password))
      })
    )

    it.effect("are out of the reach of the role of rekey grants, but for what a reset needs", () =>
      Effect.gen(function* () {
        const { rekeys, sql, user } = yield* Hosted
        const { id } = yield* user()
        const may = (statement: string) =>
          sql
            .withTransaction(
              Effect.gen(function* () {
                yield* sql.unsafe(`set local role ${rekeys.name}`)
                yield* sql.unsafe(statement)
                return yield* Effect.fail("allowed" as const)
              })
            )
            .pipe(Effect.catch((error) => Effect.succeed(error === "allowed" ? error : String(error.reason._tag))))
        assert.strictEqual(yield* may(`update auth_user set password = 'x' where id = ${id}`), "allowed")
        for (const statement of [
          `update auth_user set is_superuser = true where id = ${id}`,
          `update auth_user set email = 'eve@example.com' where id = ${id}`,
          "select is_superuser from auth_user",
          "select * from django_session",
          `delete from auth_user where id = ${id}`,
          "insert into auth_user (username) values ('eve')",
          "truncate auth_user",
          "drop table auth_user",
          "create table public.more (id integer)"
        ]) {
          assert.strictEqual(yield* may(statement), "AuthorizationError", statement)
        }
      })
    )
  }
)

layer(MailServer.layer, { excludeTestServices: true })("a host whose tables aren't as its preset says", (it) => {
  const place = Effect.fnUntraced(function* (host: Host) {
    const database = yield* hostDatabase(host)
    const env = {
      ...host.variables,
      DATABASE_URL: Redacted.value(database.rekeys.url),
      APP_SECRET: "a-secret-of-the-tests-long-enough-to-be-one"
    }
    return { ...database, ...(yield* placeWith(env)) }
  })

  it.effect(
    "stops the start with a line for each thing, which the doctor says too",
    () =>
      Effect.gen(function* () {
        const { rekey, rekeys, sql } = yield* place(django)
        yield* sql`alter table auth_user rename column email to mail`
        yield* sql`alter table auth_user alter column is_active type integer using is_active::integer`
        yield* sql.unsafe(`revoke update (password) on auth_user from ${rekeys.name}`)
        const started = yield* rekey()
        assert.strictEqual(started.code, 1)
        const lines = [
          "There is no column public.auth_user.email",
          "The column public.auth_user.is_active is of type integer: it should be a boolean.",
          `The role ${rekeys.name} may not update public.auth_user.password`
        ]
        for (const line of lines) assert.include(started.stderr, line)
        const examined = yield* rekey("doctor")
        assert.strictEqual(examined.code, 1)
        for (const line of lines) assert.include(examined.stdout, line)
      }),
    240_000
  )

  it.effect(
    "is another one, or has no place for Rekey's tables: the line says so",
    () =>
      Effect.gen(function* () {
        const { env, rekey, rekeys, sql } = yield* place(django)
        const other = yield* placeWith({ ...env, USERS_PRESET: "strapi" })
        assert.include((yield* other.rekey()).stderr, "There is no table public.up_users")
        const pooled = yield* placeWith({ ...env, DATABASE_PREPARE: "off" })
        yield* sql.unsafe(`alter role ${rekeys.name} in database ${databaseName(rekeys.url)} reset search_path`)
        assert.match((yield* pooled.rekey()).stderr, /Connections look for tables in public, not in rekey: alter role/)
        yield* sql.unsafe("drop schema rekey cascade")
        assert.match((yield* rekey()).stderr, /There is no schema rekey, and the role .* may not make it/)
      }),
    240_000
  )

  it.effect(
    "is judged by the doctor: rights, shared addresses, indexes, and that all is well",
    () =>
      Effect.gen(function* () {
        const { done, env, rekey, rekeys, sql, url, user } = yield* place(django)
        // What the other tests here grant by themselves.
        const owners = yield* placeWith({ ...env, DATABASE_URL: Redacted.value(url) })
        const printed = (yield* owners.done("grants", "--role", rekeys.name)).split(/;\n/)
        yield* Effect.forEach(printed.slice(0, -1), (statement) => sql.unsafe(statement))
        assert.includeMembers(printed, [
          `grant select ("id", "email", "username", "password", "is_active"), update ("password") on "public"."auth_user" to "${rekeys.name}"`
        ])
        yield* done("migrate")
        const well = yield* done("doctor")
        assert.match(well, /ok +host +Its tables are as USERS_PRESET says/)
        assert.notMatch(well, /note +(users|rights)/)
        const ada = yield* user({ email: "Ada@example.com" })
        const other = yield* user({ email: "ada@example.com" })
        yield* user({ email: "" })
        yield* sql.unsafe(`grant insert, update, select on auth_user to ${rekeys.name}`)
        yield* sql.unsafe(`grant select on django_session to ${rekeys.name}`)
        yield* sql.unsafe(`alter role ${rekeys.name} createrole`)
        yield* sql.unsafe("drop index rekey_auth_user_email")
        const { code, stdout } = yield* rekey("doctor")
        assert.strictEqual(code, 0)
        assert.include(stdout, `${ada.id} and ${other.id}`)
        assert.include(stdout, "1 user has no address that Rekey can write to")
        assert.include(stdout, `The role ${rekeys.name} may make roles.`)
        assert.include(stdout, "has rights to public.django_session, which Rekey doesn't use")
        assert.include(stdout, "may read, insert, update more of public.auth_user than Rekey needs")
        assert.include(stdout, "No index serves the look-up by email")
        assert.notInclude(stdout, "look-up by username")
      }),
    240_000
  )

  it.effect(
    "keeps its users to itself on the command line",
    () =>
      Effect.gen(function* () {
        const { done, file, rekey, told, user } = yield* place(django)
        yield* done("migrate")
        const ada = yield* user()
        const users = yield* file("users.csv", "email\nnew@example.com\n")
        for (const args of [
          ["user", "create", "somebody", "new@example.com"],
          ["user", "import", users],
          ["user", "block", ada.email],
          ["user", "delete", ada.email, "--yes"],
          ["user", "list"]
        ]) {
          const { code, stderr } = yield* rekey(...args)
          assert.strictEqual(code, 1, args.join(" "))
          assert.include(stderr, "the accounts are the application's")
        }
        const [shown] = yield* told("user", "show", ada.username)
        assert.strictEqual(shown?.email, ada.email)
        yield* done("reset", "send", ada.email)
      }),
    240_000
  )
})
