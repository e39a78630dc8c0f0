import { Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { SessionRepository } from "../accounts/SessionRepository.ts"
import { unknownDevice } from "../domain/Device.ts"
import { traces } from "../domain/Origin.ts"
import { SessionId } from "../domain/Session.ts"
import { Database } from "./Database.ts"
import { HostUsers } from "./HostUsers.ts"
import { allRows, firstRow, userColumns, userFields, userIn } from "./Rows.ts"

const sessionFields = { id: SessionId, createdAt: Schema.Date, expiresAt: Schema.Date }
const sessionRow = firstRow(Schema.Struct(sessionFields))
const listedRows = allRows(
  Schema.Struct({ ...sessionFields, device: Schema.String, clientAddress: Schema.NullOr(Schema.String) })
)
const authenticatedRow = firstRow(
  Schema.Struct({
    ...userFields,
    sessionId: SessionId,
    sessionCreatedAt: Schema.Date,
    sessionExpiresAt: Schema.Date
  })
)

/** Sessions in the table `sessions`. A row is live while it bears its account's credentials version. */
export const layer = Layer.effect(
  SessionRepository,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    const user = sql.literal(userColumns)

    const trace = yield* traces
    const host = yield* HostUsers

    const open: SessionRepository["Service"]["open"] = Effect.fn("SessionRepository.open")(function* ({
      id,
      userId,
      version,
      ttlMillis
    }) {
      const { clientAddress, device, requestId } = yield* trace
      // Bears the version that was verified, not the account's of this moment: a reset that commits between this statement's
      // snapshot and its end leaves the session dead on arrival (F8). The lock is what the foreign key takes anyway; taken first, it finds
      // an account that is being deleted gone.
      return yield* sessionRow(sql`
          with opened as (
            insert into sessions (id, user_id, credentials_version, expires_at, device, client_address)
            select ${id}::uuid, u.id, u.credentials_version, now() + ${ttlMillis}::float8 * interval '1 millisecond',
              ${device}, ${clientAddress}
            from users u where u.id = ${userId} and u.credentials_version = ${version} and not u.blocked for key share
            returning id, user_id, created_at, expires_at
          ), trail as (
            insert into audit (event, outcome, actor, user_id, request_id, client_address, device)
            select 'sign-in', 'done', 'owner', user_id, ${requestId}, ${clientAddress}, ${device} from opened
          )
          select id, created_at, expires_at from opened`).pipe(database.run)
    })

    const authenticate: SessionRepository["Service"]["authenticate"] = Effect.fn("SessionRepository.authenticate")(
      (id) =>
        host.refresh(sql`u.id = (select s.user_id from sessions s where s.id = ${id})`).pipe(
          Effect.andThen(
            authenticatedRow(sql`
              select ${user}, s.id as session_id, s.created_at as session_created_at, s.expires_at as session_expires_at
              from sessions s join users u on u.id = s.user_id
              where s.id = ${id} and s.credentials_version = u.credentials_version and s.expires_at > now() and not u.blocked`)
          ),
          Effect.map(
            Option.map((row) => ({
              session: { id: row.sessionId, createdAt: row.sessionCreatedAt, expiresAt: row.sessionExpiresAt },
              user: userIn(row)
            }))
          ),
          database.run
        )
    )

    const list: SessionRepository["Service"]["list"] = Effect.fn("SessionRepository.list")((userId) =>
      listedRows(sql`
        select s.id, s.created_at, s.expires_at, coalesce(s.device, ${unknownDevice}) as device, s.client_address
        from sessions s join users u on u.id = s.user_id
        where s.user_id = ${userId} and s.credentials_version = u.credentials_version and s.expires_at > now()
        order by s.created_at desc, s.id desc`).pipe(database.run)
    )

    const end: SessionRepository["Service"]["end"] = Effect.fn("SessionRepository.end")(function* (userId, id) {
      const { clientAddress, device, requestId } = yield* trace
      const ended = yield* sql`
        with ended as (
          delete from sessions where id = ${id} and user_id = ${userId} returning user_id
        ), trail as (
          insert into audit (event, outcome, actor, user_id, request_id, client_address, device)
          select 'session.ended', 'done', 'owner', user_id, ${requestId}, ${clientAddress}, ${device} from ended
        )
        select from ended`.pipe(database.run)
      return ended.length > 0
    })

    const endOthers: SessionRepository["Service"]["endOthers"] = Effect.fn("SessionRepository.endOthers")(
      function* (userId, keep) {
        const { clientAddress, device, requestId } = yield* trace
        // One row, however many there were, and if there was none: it is what the owner did. Behind what it tells, as all are, and its
        // transaction has an id before it: who reads the trail on and on relies on both.
        yield* sql`
          with ended as (
            delete from sessions where user_id = ${userId} and id <> ${keep} returning id
          ), counted as materialized (select count(*) from ended)
          insert into audit (event, outcome, actor, user_id, request_id, client_address, device)
          select 'sessions.ended', 'done', 'owner', ${userId}::uuid, ${requestId}, ${clientAddress}, ${device} from counted
          where pg_current_xact_id() is not null`.pipe(database.run)
      }
    )

    return SessionRepository.of({ open, authenticate, list, end, endOthers })
  })
)
