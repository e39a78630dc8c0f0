import { randomBytes } from "node:crypto"
import { assert } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { AccountDirectory } from "../../src/accounts/AccountDirectory.ts"
import { AccountImport } from "../../src/accounts/AccountImport.ts"
import { AccountLanguages } from "../../src/accounts/AccountLanguages.ts"
import { AccountRecords } from "../../src/accounts/AccountRecords.ts"
import { AccountRepository } from "../../src/accounts/AccountRepository.ts"
import { Confirmations } from "../../src/accounts/Confirmations.ts"
import { EmailChanges } from "../../src/accounts/EmailChanges.ts"
import { SessionRepository } from "../../src/accounts/SessionRepository.ts"
import { Email } from "../../src/domain/Email.ts"
import { Username } from "../../src/domain/User.ts"
import { trailNames } from "../../src/events/RekeyEvent.ts"
import { ResetCodes } from "../../src/recovery/ResetCodes.ts"
import * as AccountDirectorySql from "../../src/sql/AccountDirectorySql.ts"
import * as AccountImportSql from "../../src/sql/AccountImportSql.ts"
import * as AccountLanguagesSql from "../../src/sql/AccountLanguagesSql.ts"
import { onPostgres } from "../support/databases.ts"
import {
  confirmationLimits,
  freshEmailChange,
  hashOf,
  liveCode,
  newAccount,
  newName,
  newUserId,
  openSession,
  registerWith
} from "./people.ts"
import { repositories } from "./repositories.ts"

const all = Layer.mergeAll(repositories, AccountDirectorySql.layer, AccountImportSql.layer, AccountLanguagesSql.layer)

/** Somebody who isn't there yet. */
const somebody = Effect.map(newUserId, (id) => ({
  id,
  username: Username.make(newName()),
  email: Email.make(`${newName()}@example.com`),
  passwordHash: hashOf("old"),
  confirmed: true,
  blocked: false,
  createdAt: Option.none()
}))

onPostgres("the trail", all, (it) => {
  it.effect("draws no number for an event before its transaction has one: who reads on and on relies on it", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql.unsafe(`
        create function has_transaction() returns trigger language plpgsql as $$ begin
          if new.outcome = 'done' and pg_current_xact_id_if_assigned() is null then
            raise exception '% was numbered before anything was written', new.event;
          end if;
          return new;
        end $$`)
      yield* sql`create trigger has_transaction before insert on audit for each row execute function has_transaction()`

      // The owner, from registering to the end.
      const account = yield* newAccount
      const { id } = account.user
      const mine = Option.getOrThrow(yield* openSession(account))
      const other = Option.getOrThrow(yield* openSession(account))
      const sessions = yield* SessionRepository
      yield* sessions.end(id, other.id)
      yield* sessions.endOthers(id, mine.id) // there are none
      yield* (yield* AccountLanguages).set(id, "de")
      yield* (yield* AccountRecords).export(id)
      const change = { id, version: account.version, passwordHash: hashOf("new"), keep: mine.id }
      yield* (yield* AccountRepository).changePassword(change)
      const { codeHash } = yield* liveCode(account)
      yield* (yield* ResetCodes).consume(codeHash, hashOf("newer"))
      const leaving = yield* newAccount
      yield* (yield* AccountRepository).remove(leaving.user.id, leaving.version)

      // Addresses.
      const { code } = yield* registerWith(Email.make(`${newName()}@example.com`))
      yield* (yield* Confirmations).confirm(code.codeHash)
      const changes = yield* EmailChanges
      const moving = yield* newAccount
      const session = Option.getOrThrow(yield* openSession(moving))
      const email = Email.make(`${newName()}@new.example`)
      yield* changes.ask({ id: moving.user.id, version: moving.version, session: session.id, email })
      const [there, back] = [freshEmailChange(), freshEmailChange()]
      yield* changes.takeNext(there, confirmationLimits)
      yield* changes.confirm(there.codeHash, back, 86_400_000)
      yield* changes.undo(back.codeHash, hashOf("nobody's"))

      // The operator.
      const directory = yield* AccountDirectory
      const made = yield* directory.add(yield* somebody)
      yield* directory.block(made.id)
      yield* directory.unblock(made.id)
      yield* directory.endSessions(made.id)
      yield* directory.endSomeSessions({ after: Option.none(), limit: 100 })
      yield* directory.remove(made.id)
      const imports = yield* AccountImport
      const accounts = [{ ...(yield* somebody), line: 1 }]
      const batch = { accounts, refusals: [], lines: 1, bytes: 1, finished: true }
      yield* imports.store(yield* imports.begin(randomBytes(32), false), batch)

      const told = yield* sql<{ readonly event: string }>`select distinct event from audit where outcome = 'done'`
      assert.includeMembers(
        told.map(({ event }) => event),
        [...trailNames]
      )
    })
  )
})
