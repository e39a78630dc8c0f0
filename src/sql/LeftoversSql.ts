import { Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Leftovers } from "../background/CleanUp.ts"
import { Database } from "./Database.ts"
import { HostUsers } from "./HostUsers.ts"
import { firstRow } from "./Rows.ts"

/** Rows of a table that a statement deletes at most: some milliseconds. */
const batchSize = 500

const firstId = "00000000-0000-0000-0000-000000000000"
const sweptRow = firstRow(Schema.Struct({ looked: Schema.Int, last: Schema.NullOr(Schema.String) }))

/**
 * What nobody needs any more in any table. Each statement finds the oldest by an index and skips what others hold, so it waits for
 * nobody, and several processes share the work.
 */
export const layer = (options: { readonly auditRetentionMillis: number }) =>
  Layer.effect(
    Leftovers,
    Effect.gen(function* () {
      const database = yield* Database
      const sql = yield* SqlClient.SqlClient

      // A table that needs cleaning gets a line here.
      const statements = [
        // A day past their end, so that the answer to a used or an expired one can be exact for so long.
        sql`
          with old as materialized (
            select code_hash from reset_codes where expires_at < now() - interval '1 day'
            order by expires_at limit ${batchSize}::int for update skip locked
          )
          delete from reset_codes t using old where t.code_hash = old.code_hash`,
        // The ids are in the order of asking. Only what is old is locked: a worker would skip the rest.
        sql`
          with head as materialized (select id, asked_at from recovery_requests order by id limit ${batchSize}::int),
            old as materialized (
              select r.id from recovery_requests r join head using (id) where head.asked_at < now() - interval '1 day'
              for update of r skip locked
            )
          delete from recovery_requests t using old where t.id = old.id`,
        // At their end: the user name is free again. Alike for free and taken addresses (C6).
        sql`
          with old as materialized (
            select id from registrations where expires_at < now()
            order by expires_at limit ${batchSize}::int for update skip locked
          )
          delete from registrations t using old where t.id = old.id`,
        sql`
          with old as materialized (
            select code_hash from confirmation_codes where expires_at < now() - interval '1 day'
            order by expires_at limit ${batchSize}::int for update skip locked
          )
          delete from confirmation_codes t using old where t.code_hash = old.code_hash`,
        sql`
          with head as materialized (select id, asked_at from confirmation_requests order by id limit ${batchSize}::int),
            old as materialized (
              select r.id from confirmation_requests r join head using (id) where head.asked_at < now() - interval '1 day'
              for update of r skip locked
            )
          delete from confirmation_requests t using old where t.id = old.id`,
        sql`
          with head as materialized (select id, asked_at from email_change_requests order by id limit ${batchSize}::int),
            old as materialized (
              select r.id from email_change_requests r join head using (id) where head.asked_at < now() - interval '1 day'
              for update of r skip locked
            )
          delete from email_change_requests t using old where t.id = old.id`,
        sql`
          with old as materialized (
            select code_hash from email_changes where expires_at < now() - interval '1 day'
            order by expires_at limit ${batchSize}::int for update skip locked
          )
          delete from email_changes t using old where t.code_hash = old.code_hash`,
        sql`
          with old as materialized (
            select id from former_emails where expires_at < now() - interval '1 day'
            order by expires_at limit ${batchSize}::int for update skip locked
          )
          delete from former_emails t using old where t.id = old.id`,
        ...(["outbox", "webhook_outbox"] as const).flatMap((queue) =>
          (["sent", "dropped", "dead"] as const).map(
            (outcome) => sql`
              with old as materialized (
                select id from ${sql.literal(queue)} where outcome = ${outcome}
                  and settled_at < now() - ${outcome === "sent" ? "1 day" : "7 days"}::interval
                order by settled_at limit ${batchSize}::int for update skip locked
              )
              delete from ${sql.literal(queue)} t using old where t.id = old.id`
          )
        ),
        // Events that nobody tells: the receiver wants no more, or webhooks were switched off. The ids are in the order of what happened.
        sql`
          with head as materialized (select id, created_at from webhook_outbox order by id limit ${batchSize}::int),
            old as materialized (
              select o.id from webhook_outbox o join head using (id)
              where o.outcome is null and head.created_at < now() - interval '7 days'
              for update of o skip locked
            )
          delete from webhook_outbox t using old where t.id = old.id`,
        sql`
          with old as materialized (
            select id from sessions where expires_at < now() order by expires_at limit ${batchSize}::int for update skip locked
          )
          delete from sessions t using old where t.id = old.id`,
        sql`
          with old as materialized (
            select key from rate_limits where ends_at < now()
            order by ends_at limit ${batchSize}::int for update skip locked
          )
          delete from rate_limits t using old where t.key = old.key`,
        // The report of an import, a month after it was last touched, and then the import.
        sql`
          with old as materialized (
            select r.import_id, r.line from imports i join import_refusals r on r.import_id = i.id
            where i.touched_at < now() - interval '30 days' limit ${batchSize}::int for update of r skip locked
          )
          delete from import_refusals t using old where t.import_id = old.import_id and t.line = old.line`,
        sql`
          with old as materialized (
            select id from imports i where touched_at < now() - interval '30 days'
              and not exists (select from import_refusals r where r.import_id = i.id)
            order by touched_at limit ${batchSize}::int for update skip locked
          )
          delete from imports t using old where t.id = old.id`,
        sql`
          with old as materialized (
            select id from audit where at < now() - ${options.auditRetentionMillis}::float8 * interval '1 millisecond'
            order by at limit ${batchSize}::int for update skip locked
          )
          delete from audit t using old where t.id = old.id`
      ]

      const deleteBatch = Effect.fnUntraced(function* (statement: (typeof statements)[number]) {
        const deleted = yield* database.run(Effect.map(sql`${statement} returning true`, (rows) => rows.length))
        return deleted === batchSize
      })

      // No index knows which sessions bear an older version, and hardly any do: those of a racing sign-in, and of a password
      // that was set by hand. So each clean-up looks at some more of them, in the order of their ids, from where it left off.
      let lastLooked = firstId
      const sweepSessions = Effect.gen(function* () {
        const swept = yield* database.run(
          sweptRow(sql`
            with page as materialized (
              select id, user_id, credentials_version from sessions where id > ${lastLooked}::uuid order by id limit ${batchSize}::int
            ), dead as materialized (
              select s.id from sessions s join page p on p.id = s.id
              where p.credentials_version <> (select u.credentials_version from users u where u.id = p.user_id)
              for update of s skip locked
            ), gone as (
              delete from sessions t using dead where t.id = dead.id
            )
            select count(*)::int as looked, max(id::text) as last from page`)
        )
        const { last, looked } = yield* Effect.orDie(Effect.fromOption(swept))
        lastLooked = looked === batchSize && last !== null ? last : firstId
      })

      // Nobody tells us of a host's user who is gone, or has changed: the shadows are looked over in the same way.
      const host = yield* HostUsers
      let lastShadow = firstId
      const sweepShadows = Effect.gen(function* () {
        const page = sql`select id from users where id > ${lastShadow}::uuid order by id limit ${batchSize}::int`
        const swept = yield* database.run(
          Effect.tap(
            sweptRow(sql`select count(*)::int as looked, max(id::text) as last from (${page}) page`),
            host.refresh(sql`u.id in (${page})`)
          )
        )
        const { last, looked } = yield* Effect.orDie(Effect.fromOption(swept))
        lastShadow = looked === batchSize && last !== null ? last : firstId
      })

      const deleteSome = Effect.gen(function* () {
        const more = yield* Effect.forEach(statements, deleteBatch)
        yield* sweepSessions
        if (host.isHosted) yield* sweepShadows
        return more.includes(true)
      }).pipe(Effect.withSpan("Leftovers.deleteSome"))

      return Leftovers.of({ deleteSome })
    })
  )
