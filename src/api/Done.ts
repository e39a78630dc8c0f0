import { Schema } from "effect"

/** What a request answers that has nothing to tell but that it was done. */
export const Done = Schema.Struct({ ok: Schema.Literal(true) }).annotate({ identifier: "Done" })

export const done: typeof Done.Type = { ok: true }
