import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { type Answer, assertError, bearer } from "../support/client.ts"
import { administrators, aliceToken, onBothDatabases, Service } from "../support/service.ts"

interface Page {
  readonly events: ReadonlyArray<Record<string, unknown> & { readonly at: string; readonly event: string }>
  readonly next: string | null
}

const pageIn = ({ json, status, text }: Answer): Page => {
  assert.strictEqual(status, 200, text)
  return json as Page
}

/** Written by hand, a step each millisecond, so that many stand on either side of a page's end. */
const steps = (id: string, count: number) =>
  Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql`
      insert into audit (at, event, outcome, actor, user_id)
      select now() - n * interval '1 millisecond', 'step ' || n, 'done', 'owner', ${id}::uuid from generate_series(1, ${count}) n`
  )

const firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"

onBothDatabases("an account's events", Service.layer({ settings: { administrators } }), (it) => {
  it.effect("are its own, the newest first, with device and network", () =>
    Effect.gen(function* () {
      const { get, post, register } = yield* Service
      const [ada, eve] = [yield* register(), yield* register()]
      yield* post("/auth/local", { identifier: ada.email, password: ada.password }, { "user-agent": firefox })
      yield* post("/auth/local", { identifier: eve.email, password: eve.password })
      const answer = yield* get("/users/me/events", bearer(ada.jwt))
      const { events, next } = pageIn(answer)
      assert.deepStrictEqual(
        events.map(({ event }) => event),
        ["sign-in", "sign-in", "account.registered"]
      )
      assert.isNull(next)
      const [signIn] = events
      assert.deepInclude(signIn, {
        event: "sign-in",
        outcome: "done",
        reason: null,
        actor: "owner",
        device: "Firefox on Windows",
        clientAddress: "127.0.0.0/24"
      })
      assert.sameMembers(Object.keys(signIn ?? {}), [
        ...["at", "event", "outcome", "reason", "actor", "device", "clientAddress", "requestId"]
      ])
      assert.match(String(signIn?.at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    })
  )

  it.effect("tell of what was refused, and of a request for a code, once they are written", () =>
    Effect.gen(function* () {
      const { codeFor, get, post, register } = yield* Service
      const { email, jwt } = yield* register()
      yield* post("/auth/local", { identifier: email, password: "a wrong one" }, { "user-agent": firefox })
      yield* codeFor(email)
      const told = Effect.map(get("/users/me/events", bearer(jwt)), (answer) =>
        pageIn(answer).events.map(({ actor, device, event, outcome, reason }) =>
          [event, outcome, reason, actor, device].join(" ")
        )
      )
      const seen = yield* Effect.repeat(told, { until: (events) => events.length === 4 })
      assert.sameMembers(seen, [
        "recovery.requested done  anonymous an unknown device",
        "sign-in refused wrong-password anonymous Firefox on Windows",
        "sign-in done  owner an unknown device",
        "account.registered done  owner an unknown device"
      ])
    })
  )

  it.effect("come 50 a page, each once, those of one moment together", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { get, register } = yield* Service
      const { id, jwt } = yield* register()
      yield* sql`delete from audit where user_id = ${id}::uuid`
      yield* steps(id, 120)
      // As a statement of several steps may write them.
      yield* sql`
        update audit set at = (select at from audit where event = 'step 50' and user_id = ${id}::uuid)
        where user_id = ${id}::uuid and event in ('step 49', 'step 51', 'step 52')`
      const seen: Array<string> = []
      const sizes: Array<number> = []
      let next: string | null = ""
      while (next !== null) {
        const query: string = next === "" ? "" : `?before=${next}`
        const page: Page = pageIn(yield* get(`/users/me/events${query}`, bearer(jwt)))
        seen.push(...page.events.map(({ event }) => event))
        sizes.push(page.events.length)
        next = page.next
      }
      assert.deepStrictEqual(sizes, [52, 50, 18])
      assert.strictEqual(new Set(seen).size, 120)
      assert.deepStrictEqual([seen[0], seen.at(-1)], ["step 1", "step 120"])
    })
  )

  it.effect("keep to themselves where an administrator works, and what the service does by itself", () =>
    Effect.gen(function* () {
      const { get, post, register } = yield* Service
      const { jwt, username } = yield* register()
      yield* post("/admin/send-reset-code", { identifier: username }, { ...bearer(aliceToken), "user-agent": firefox })
      const events = Effect.map(get("/users/me/events", bearer(jwt)), (answer) => pageIn(answer).events)
      const [asked] = yield* Effect.repeat(events, { until: ([first]) => first?.event === "recovery.requested" })
      assert.deepInclude(asked, { actor: "administrator", device: null, clientAddress: null })
      const sql = yield* SqlClient.SqlClient
      const sent = sql`select from audit where event = 'mail.reset-code' and user_id = (select id from users where username = ${username})`
      yield* Effect.repeat(sent, { until: (rows) => rows.length > 0 })
      assert.lengthOf(yield* events, 3)
    })
  )

  it.effect("take no other cursor than one of theirs", () =>
    Effect.gen(function* () {
      const { get, register } = yield* Service
      const { jwt } = yield* register()
      for (const before of ["", "x", "-1", "1.5", "12345678901234567", "1%00", "1&before=2"]) {
        const details = assertError(yield* get(`/users/me/events?before=${before}`, bearer(jwt)), 400, "InvalidRequest")
        assert.deepStrictEqual(
          details.map(({ path }) => path),
          [["before"]]
        )
      }
      assert.lengthOf(pageIn(yield* get("/users/me/events?before=0", bearer(jwt))).events, 0)
    })
  )

  it.effect("say nothing of where from in what a former version wrote, nor does the list of sessions", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { get, register } = yield* Service
      const { id, jwt } = yield* register()
      yield* sql`update sessions set device = null, client_address = null where user_id = ${id}::uuid`
      yield* sql`update audit set device = null, client_address = null where user_id = ${id}::uuid`
      const { sessions } = (yield* get("/auth/sessions", bearer(jwt))).json as {
        readonly sessions: ReadonlyArray<object>
      }
      assert.lengthOf(sessions, 1)
      assert.deepInclude(sessions[0], { device: "an unknown device", clientAddress: null, current: true })
      const [event] = pageIn(yield* get("/users/me/events", bearer(jwt))).events
      assert.deepInclude(event, { device: null, clientAddress: null })
    })
  )
})
