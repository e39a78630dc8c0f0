import { Layer } from "effect"
import * as AccountEventsSql from "../../src/sql/AccountEventsSql.ts"
import * as AccountRecordsSql from "../../src/sql/AccountRecordsSql.ts"
import * as AccountRepositorySql from "../../src/sql/AccountRepositorySql.ts"
import * as ConfirmationsSql from "../../src/sql/ConfirmationsSql.ts"
import * as EmailChangesSql from "../../src/sql/EmailChangesSql.ts"
import * as OutboxSql from "../../src/sql/OutboxSql.ts"
import * as RecoveryRequestsSql from "../../src/sql/RecoveryRequestsSql.ts"
import * as ResetCodesSql from "../../src/sql/ResetCodesSql.ts"
import * as SessionRepositorySql from "../../src/sql/SessionRepositorySql.ts"
import * as TrailStoreSql from "../../src/sql/TrailStoreSql.ts"
import { Trail } from "../../src/trail/Trail.ts"

/** Every repository, and the trail that some of them write. */
export const repositories = Layer.mergeAll(
  AccountEventsSql.layer,
  AccountRecordsSql.layer,
  AccountRepositorySql.layer,
  ConfirmationsSql.layer,
  EmailChangesSql.layer,
  OutboxSql.layer,
  RecoveryRequestsSql.layer,
  ResetCodesSql.layer,
  SessionRepositorySql.layer
).pipe(Layer.provideMerge(Trail.layer), Layer.provideMerge(TrailStoreSql.layer))
