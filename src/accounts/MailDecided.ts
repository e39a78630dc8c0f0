import type { Language } from "../language/Language.ts"

/** What became of a request for a mail. */
export interface MailDecided {
  readonly outcome: "Queued" | "Dropped"
  /** That whoever asked understands. */
  readonly language: Language
}
