import { Context, type Effect } from "effect"
import type { Unavailable } from "../domain/Failure.ts"
import type { UserId } from "../domain/User.ts"
import type { Language } from "../language/Language.ts"

/** In which language each account is written to. */
export class AccountLanguages extends Context.Service<
  AccountLanguages,
  {
    /** Null where its owner never said: mails speak the language of whoever asks for them. */
    of(id: UserId): Effect.Effect<Language | null, Unavailable>
    set(id: UserId, language: Language | null): Effect.Effect<void, Unavailable>
  }
>()("rekey/accounts/AccountLanguages") {}
