import { createHash } from "node:crypto"
import { Effect, Layer, Option, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import { SqlClient } from "effect/sql"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import type { Identifier } from "../accounts/Identifier.ts"
import { Email, emailKey } from "../domain/Email.ts"
import { UserId } from "../domain/User.ts"
import type { Preset } from "../presets/Preset.ts"
import { examineHost, ourSchema } from "./HostExamination.ts"
import { keyType, usersQuery, writingFunction } from "./HostStatements.ts"
import { HostUnusable, HostUsers } from "./HostUsers.ts"
import { lockMigrations } from "./Migrations.ts"
import { allRows, firstRow } from "./Rows.ts"
import { isUnavailable, serverWords } from "./SqlState.ts"

const staleRows = allRows(Schema.Struct({ hostId: Schema.String }))

/** A user that fits what was asked for, and the shadow where there is one. */
const candidateRows = allRows(
  Schema.Struct({ hostId: Schema.String, id: Schema.NullOr(UserId), isStale: Schema.Boolean })
)

const shadowRow = firstRow(Schema.Struct({ id: UserId, emailKey: Schema.String }))

const HostRow = Schema.Struct({
  username: Schema.String,
  email: Schema.NullOr(Schema.String),
  emailKey: Schema.NullOr(Schema.String),
  fingerprint: Schema.String,
  blocked: Schema.Boolean,
  confirmed: Schema.Boolean,
  isShared: Schema.Boolean
})
const hostRow = firstRow(HostRow)

const decodeEmail = Schema.decodeUnknownOption(Email)

/** The key of the user's address, where it is one that Rekey can write to: nothing is trimmed, nor folded otherwise than SQL did. */
const keyOfAddress = ({ email, emailKey: folded }: typeof HostRow.Type) =>
  decodeEmail(email).pipe(
    Option.filter((address) => address === email),
    Option.map(emailKey),
    Option.filter((key) => key === folded)
  )

/** The shadow `u` isn't what the host's row `h` is. */
const stale =
  "(u.username, u.email, u.password_hash, u.blocked, u.confirmed) is distinct from (h.username, h.email, h.fingerprint, h.blocked, h.confirmed)"

/** A key that no address and no user name has: theirs have no capitals. */
const nobodysKey = (hostId: string): string => `HOST:${hostId}`

/** What a person has to mend, unless waiting may do it. */
const untilMended = <A, R>(work: Effect.Effect<A, HostUnusable | SqlError | Schema.SchemaError, R>) =>
  work.pipe(
    Effect.catchTag("SchemaError", Effect.die),
    Effect.catchIf(isSqlError, (error) =>
      Effect.fail(isUnavailable(error) ? error : new HostUnusable({ problems: [serverWords(error)] }))
    )
  )

/** Puts the function and the trigger in place, unless they are there already: a role that only runs the service may not. */
const install = Effect.fnUntraced(function* (sql: SqlClient.SqlClient, body: string) {
  const version = createHash("sha256").update(body).digest("hex")
  yield* lockMigrations(sql)
  const [current] = yield* sql<{ readonly version: string | null }>`
    select obj_description(to_regprocedure('write_to_host()'), 'pg_proc') as version`
  if (current?.version === version) return
  yield* sql.unsafe(
    `create or replace function write_to_host() returns trigger language plpgsql as $write_to_host$${body}$write_to_host$`
  )
  // Before the triggers of 0009, by its name: they judge by what it lets pass. A fingerprint is what was seen there, not what to write.
  yield* sql.unsafe(`
    create or replace trigger users_a_write_to_host before update of password_hash on users for each row
    when (new.host_id is not null and new.password_hash not like 'sha256:%') execute function write_to_host()`)
  yield* sql.unsafe(`comment on function write_to_host() is '${version}'`)
})

/** Users in a host's tables, as a preset describes them. `learn` gets the newest of the host's hashes, once they can be read. */
export const layer = (preset: Preset, learn: (hashes: ReadonlyArray<string>) => void) =>
  Layer.effect(
    HostUsers,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const random = yield* SecureRandom.SecureRandom

      let examined: { readonly users: Fragment; readonly key: Fragment } | undefined
      /** Whoever asks comes through `Database.run`, which lets nobody in before the host was examined. */
      const host = () => {
        if (examined === undefined) throw new Error("The host's users were asked for before they were examined.")
        return examined
      }

      const makeSchema = untilMended(
        Effect.gen(function* () {
          const { database, hasSchema, mayMakeSchema, path, role } = yield* examineHost(preset)
          if (!hasSchema && !mayMakeSchema) {
            return yield* new HostUnusable({
              problems: [
                `There is no schema ${ourSchema}, and the role ${role} may not make it: "rekey grants" prints what it needs.`
              ]
            })
          }
          if (!hasSchema) yield* sql`create schema if not exists ${sql(ourSchema)}`
          else if (path !== ourSchema) {
            return yield* new HostUnusable({
              problems: [
                `Connections look for tables in ${path ?? "no schema"}, not in ${ourSchema}: alter role ${role} in database ${database} set search_path = ${ourSchema}`
              ]
            })
          }
        })
      )

      const prepare = untilMended(
        Effect.gen(function* () {
          const { found, problems } = yield* examineHost(preset)
          if (problems.length > 0) return yield* new HostUnusable({ problems })
          yield* sql.withTransaction(install(sql, writingFunction(preset, found)))
          const users = sql.literal(`(${usersQuery(preset, found)})`)
          const newest = yield* sql<{ readonly passwordHash: string }>`
            select h.password_hash from ${users} h order by h.key desc limit 20`
          learn(newest.map(({ passwordHash }) => passwordHash))
          examined = { users, key: sql.literal(keyType(preset, found)) }
        })
      )

      const forget = (hostId: string) =>
        Effect.as(sql`delete from users where host_id = ${hostId}`, Option.none<UserId>())

      /**
       * Makes a shadow what the host's row is now. In a further statement under the shadow's lock, since a reset that is under way
       * holds that and changes both. A shadow goes whose user is gone, has no password, or no address of their own any more.
       */
      const sync = Effect.fnUntraced(function* (hostId: string) {
        const shadow = yield* shadowRow(sql`
          select id, email_key from users where host_id = ${hostId} for no key update`)
        const { key: type, users } = host()
        const row = yield* hostRow(sql`
          select h.username, h.email, h.email_key, h.fingerprint, h.blocked, h.confirmed,
            (select count(*) from ${users} k where k.email_key = h.email_key) > 1 as is_shared
          from ${users} h where h.key = ${hostId}::text::${type}`)
        const key = Option.flatMap(row, keyOfAddress)
        if (Option.isNone(row) || Option.isNone(key)) return yield* forget(hostId)
        const { blocked, confirmed, email, fingerprint, isShared, username } = row.value
        const isKnown = Option.exists(shadow, ({ emailKey }) => emailKey === key.value)
        if (isShared && !isKnown) {
          yield* tellShared([hostId])
          return yield* forget(hostId)
        }
        if (!isShared) {
          // Whoever had the address has another one at the host's by now.
          yield* sql`
            update users set email_key = 'HOST:' || host_id where email_key = ${key.value} and host_id <> ${hostId}`
        }
        if (Option.isSome(shadow)) {
          yield* sql`
            update users set username = ${username}, email = ${email}, email_key = ${key.value}, password_hash = ${fingerprint},
              blocked = ${blocked}, confirmed = ${confirmed}, updated_at = clock_timestamp()
            where id = ${shadow.value.id}`
          return Option.some(shadow.value.id)
        }
        const id = UserId.make(yield* random.uuidV7())
        // When the password was last changed is the host's to know: what was asked for before now isn't too old.
        yield* sql`
          insert into users (id, host_id, username, username_key, email, email_key, password_hash, blocked, confirmed, password_changed_at)
          values (${id}, ${hostId}, ${username}, ${nobodysKey(hostId)}, ${email}, ${key.value}, ${fingerprint}, ${blocked}, ${confirmed},
            to_timestamp(0))
          on conflict do nothing`
        // Another process may have been quicker.
        const made = yield* shadowRow(sql`select id, email_key from users where host_id = ${hostId}`)
        return Option.map(made, ({ id }) => id)
      }, sql.withTransaction)

      const tellShared = (users: ReadonlyArray<string>) =>
        Effect.logWarning("Users of the host share an address, so nobody gets in by it", { users })

      const refresh = Effect.fnUntraced(function* (which: Fragment) {
        const { key: type, users } = host()
        const found = yield* staleRows(sql`
          select u.host_id from users u left join ${users} h on h.key = u.host_id::${type}
          where ${which} and u.host_id is not null and (h.key is null or ${sql.literal(stale)})`)
        yield* Effect.forEach(found, ({ hostId }) => sync(hostId), { discard: true })
      })

      const meetBy = Effect.fnUntraced(function* (column: string, key: string) {
        const { users } = host()
        const found = yield* candidateRows(sql`
          select h.host_id, u.id, (${sql.literal(stale)}) as is_stale
          from ${users} h left join users u on u.host_id = h.host_id where ${sql.literal(column)} = ${key} limit 2`)
        const [user, another] = found
        if (user === undefined) return Option.none<Identifier>()
        if (another !== undefined) {
          yield* tellShared(found.map(({ hostId }) => hostId))
          return Option.none<Identifier>()
        }
        const id = user.id !== null && !user.isStale ? Option.some(user.id) : yield* sync(user.hostId)
        return Option.map(id, (id): Identifier => ({ _tag: "UserId", id }))
      })

      return HostUsers.of({
        isHosted: true,
        makeSchema: Effect.provideService(makeSchema, SqlClient.SqlClient, sql),
        prepare: Effect.provideService(prepare, SqlClient.SqlClient, sql),
        meet: (identifier) => {
          switch (identifier._tag) {
            case "Email":
              return meetBy("h.email_key", identifier.key)
            case "Username":
              return meetBy("h.username_key", identifier.key)
            case "UserId":
              return Effect.as(refresh(sql`u.id = ${identifier.id}`), Option.some(identifier))
          }
        },
        refresh,
        passwordHash: () => {
          const { key: type, users } = host()
          return sql`coalesce((select h.password_hash from ${users} h where h.key = u.host_id::${type}), '')`
        }
      })
    })
  )
