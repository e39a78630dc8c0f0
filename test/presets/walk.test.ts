import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { assertError, textAt } from "../support/client.ts"
import { MailServer } from "../support/smtp.ts"
import { Hosted } from "./hosted.ts"
import { type Host, hosts } from "./hosts.ts"

const password = "a long new phrase"

const without = (row: Record<string, unknown>, names: ReadonlyArray<string>) =>
  Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)))

const walk = (host: Host) =>
  layer(Layer.provideMerge(Hosted.layer(host), MailServer.layer), { excludeTestServices: true })(
    `users of ${host.name}, as the role of rekey grants`,
    (it) => {
      it.effect("are reset where they are: the host's hash, its sessions, and nothing else", () =>
        Effect.gen(function* () {
          const { codeFor, letsIn, reset, row, sessions, signIn, signInAtHost, user } = yield* Hosted
          const ada = yield* user()
          const bob = yield* user()
          yield* signInAtHost(ada.id)
          yield* signInAtHost(bob.id)
          const [before, bobBefore] = [yield* row(ada.id), yield* row(bob.id)]
          const bobsSessions = yield* sessions(bob.id)

          const code = yield* codeFor(ada.email)
          if (Option.isSome(host.writer.maxBytes)) {
            // Not cut, as the host itself might.
            assertError(yield* reset(code, "é".repeat(host.writer.maxBytes.value / 2 + 1)), 400, "PasswordRejected")
            assert.deepStrictEqual(yield* row(ada.id), before)
          }
          const answer = yield* reset(code, password)
          assert.strictEqual(answer.status, 200, answer.text)
          assert.strictEqual(textAt(answer, "user", "email"), ada.email)

          const after = yield* row(ada.id)
          assert.match(String(after[host.row.hash]), host.prefix)
          assert.deepStrictEqual([yield* letsIn(ada.id, password), yield* letsIn(ada.id, ada.password)], [true, false])
          assert.deepStrictEqual(without(after, host.changed), without(before, host.changed))
          for (const column of host.changed.filter((name) => before[name] !== null)) {
            assert.notStrictEqual(after[column], before[column], column)
          }
          assert.strictEqual(yield* sessions(ada.id), 0)

          assert.strictEqual((yield* signIn(ada.email, ada.password)).status, 400)
          assert.strictEqual((yield* signIn(ada.email.toUpperCase(), password)).status, 200)
          assertError(yield* reset(code, "another long phrase"), 403, "ResetCodeUsed")
          assert.deepStrictEqual(yield* row(bob.id), bobBefore)
          assert.strictEqual(yield* sessions(bob.id), bobsSessions)
        })
      )

      it.effect("sign in with the host's own hashes and change them", () =>
        Effect.gen(function* () {
          const { changePassword, hashIn, letsIn, me, signIn, user } = yield* Hosted
          const ada = yield* user()
          const before = yield* hashIn(ada.id)
          const names = host.users.username === undefined ? [ada.email] : [ada.email, ada.username.toUpperCase()]
          for (const name of names) {
            assert.strictEqual((yield* signIn(name, "not the password")).status, 400)
            const answer = yield* signIn(name, ada.password)
            assert.strictEqual(answer.status, 200, answer.text)
            assert.strictEqual(textAt(answer, "user", "username"), host.users.username ? ada.username : ada.email)
          }
          // A sign-in leaves the hash alone, whatever it costs: another one would end the host's sessions.
          assert.strictEqual(yield* hashIn(ada.id), before)
          const jwt = textAt(yield* signIn(ada.email, ada.password), "jwt")
          const other = textAt(yield* signIn(ada.email, ada.password), "jwt")
          const changed = yield* changePassword(jwt, ada.password, password)
          assert.strictEqual(changed.status, 200, changed.text)
          assert.isTrue(yield* letsIn(ada.id, password))
          assert.strictEqual((yield* me(other)).status, 401)
          assert.strictEqual((yield* me(textAt(changed, "jwt"))).status, 200)
        })
      )

      it.effect("whose password the host changes lose sessions and codes of Rekey's at once", () =>
        Effect.gen(function* () {
          const { codeFor, letsIn, me, reset, setPassword, signIn, user } = yield* Hosted
          const ada = yield* user()
          const jwt = textAt(yield* signIn(ada.email, ada.password), "jwt")
          const code = yield* codeFor(ada.email)
          yield* setPassword(ada.id, "the host's own choice")
          assert.strictEqual((yield* me(jwt)).status, 401)
          assertError(yield* reset(code, password), 403, "ResetCodeSuperseded")
          assert.isTrue(yield* letsIn(ada.id, "the host's own choice"))
          // And get another one.
          assert.strictEqual((yield* reset(yield* codeFor(ada.email), password)).status, 200)
        })
      )

      it.effect("who are deleted are gone here too, with a code in their mailbox", () =>
        Effect.gen(function* () {
          const { codeFor, me, reset, run, signIn, user } = yield* Hosted
          const ada = yield* user()
          const jwt = textAt(yield* signIn(ada.email, ada.password), "jwt")
          const code = yield* codeFor(ada.email)
          yield* run(`delete from ${host.users.table} where ${host.users.key} = '${ada.id}'`)
          assert.strictEqual((yield* me(jwt)).status, 401)
          assertError(yield* reset(code, password), 404, "ResetCodeNotFound")
        })
      )
    }
  )

for (const host of hosts) walk(host)
