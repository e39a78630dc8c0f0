import { AccountRepository, Database } from "@rekey/server"
import type { UserId } from "@rekey/server/api"
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"

/** The shop's customers: each account is one, by a number of its own. */
export class Customers extends Context.Service<Customers>()("shop/Customers", {
  make: Effect.gen(function* () {
    const { run, started } = yield* Database
    const sql = yield* SqlClient.SqlClient
    yield* started
    yield* run(sql`
      create table if not exists customers (
        id uuid primary key references users on delete cascade,
        number integer generated always as identity (start with 1001)
      )`)

    const numberOf = Effect.fn("Customers.numberOf")((id: UserId) =>
      sql<{ readonly number: number }>`select number from customers where id = ${id}`.pipe(
        Effect.map(([customer]) => customer?.number ?? 0),
        run
      )
    )
    return { numberOf }
  })
}) {
  static readonly layer = Layer.effect(Customers, Customers.make)

  /** Accounts whose registration makes a customer: both are there, or neither is. */
  static readonly accounts = Layer.effect(
    AccountRepository,
    Effect.gen(function* () {
      const accounts = yield* AccountRepository
      const { run } = yield* Database
      const sql = yield* SqlClient.SqlClient
      return AccountRepository.of({
        ...accounts,
        insert: (account) =>
          accounts.insert(account).pipe(
            Effect.tap(({ user }) => sql`insert into customers (id) values (${user.id})`),
            sql.withTransaction,
            run
          )
      })
    })
  )
}
