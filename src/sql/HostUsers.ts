import { Context, Data, Effect, Option, type Schema } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { type Fragment, fragment, literal } from "effect/sql/Statement"
import type { Identifier } from "../accounts/Identifier.ts"

/** The host's tables aren't as `USERS_PRESET` says, or our role may not use them: a line for each thing that a person has to mend. */
export class HostUnusable extends Data.TaggedError("HostUnusable")<{ readonly problems: ReadonlyArray<string> }> {
  override get message() {
    return this.problems.join("\n")
  }
}

/**
 * Where accounts are: in `users` alone, or in a host's tables (`USERS_PRESET`), of which `users` has the shadow then: what Rekey adds to
 * an account, and what of the host's it saw last. Whatever relies on an account asks for its shadow to be as the host has it. What
 * writes a password asks nobody: the shadow's trigger writes to the host's row too, or lets nothing pass.
 */
interface UsersOrigin {
  readonly isHosted: boolean

  /** Makes our schema where it isn't there, before anything else. */
  readonly makeSchema: Effect.Effect<void, HostUnusable | SqlError>

  /** Looks whether the host's tables can be used and puts the trigger in place, after the migrations. */
  readonly prepare: Effect.Effect<void, HostUnusable | SqlError>

  /** Brings the shadow of whom an identifier names up to date, or makes it, and names it; `None` where nobody has it, or several have. */
  readonly meet: (identifier: Identifier) => Effect.Effect<Option.Option<Identifier>, SqlError | Schema.SchemaError>

  /** Brings those shadows up to date of which a condition on `users u` is true; one whose user is gone goes too. */
  readonly refresh: (which: Fragment) => Effect.Effect<void, SqlError | Schema.SchemaError>

  /** The hash of `users u` that a password is compared with. */
  readonly passwordHash: () => Fragment
}

export const HostUsers = Context.Reference<UsersOrigin>("rekey/sql/HostUsers", {
  defaultValue: () => ({
    isHosted: false,
    makeSchema: Effect.void,
    prepare: Effect.void,
    meet: (identifier) => Effect.succeed(Option.some(identifier)),
    refresh: () => Effect.void,
    passwordHash: () => fragment([literal("u.password_hash")])
  })
})
