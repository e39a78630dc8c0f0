import { Context, type Effect, type Option } from "effect"
import type { Unavailable } from "../domain/Failure.ts"
import type { NewAccount } from "./AccountDirectory.ts"

/** How far the import of a file has come. */
export interface ImportProgress {
  readonly id: bigint
  /** Lines and bytes from the file's start that are done. */
  readonly lines: number
  readonly bytes: number
  readonly imported: number
  readonly refused: number
  readonly startedAt: Date
  /** None: it isn't at the file's end. */
  readonly finishedAt: Option.Option<Date>
}

/** A line of which no account was made, and why. */
export interface RefusedLine {
  readonly line: number
  readonly reason: string
}

/** Some lines of a file, what is to become of them, and where they end. */
export interface ImportBatch {
  readonly accounts: ReadonlyArray<NewAccount & { readonly line: number }>
  readonly refusals: ReadonlyArray<RefusedLine>
  readonly lines: number
  readonly bytes: number
  readonly finished: boolean
}

/** Accounts that come from a file, as their import needs them of a store. */
export class AccountImport extends Context.Service<
  AccountImport,
  {
    /** The import of the file with this SHA-256: a new one, or where the former one stands. `afresh` forgets that. */
    begin(fileHash: Uint8Array, afresh: boolean): Effect.Effect<ImportProgress, Unavailable>

    /**
     * Makes accounts of a batch, writes its refusals down and moves the import on behind it: all of that or none of it. Whose address, user
     * name or id an account has is refused too. `None` where the import isn't at `from`: this batch is done already, or another
     * process imports the same file.
     */
    store(from: ImportProgress, batch: ImportBatch): Effect.Effect<Option.Option<ImportProgress>, Unavailable>

    /** Refused lines behind `after`, in their order. */
    refusals(id: bigint, after: number, limit: number): Effect.Effect<ReadonlyArray<RefusedLine>, Unavailable>
  }
>()("rekey/accounts/AccountImport") {}
