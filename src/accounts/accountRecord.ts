import { Option, Schema } from "effect"
import { Email } from "../domain/Email.ts"
import { passwordHash } from "../domain/Password.ts"
import { UserId, Username } from "../domain/User.ts"
import { formatOf } from "../passwords/formats.ts"
import type { NewAccount } from "./AccountDirectory.ts"

/** What a record from elsewhere may say of an account. Only the address has to be there. */
export const accountFields = ["id", "username", "email", "passwordHash", "confirmed", "blocked", "createdAt"] as const

/** An account as a record describes it; what it doesn't say is left to whoever imports it. */
export type DescribedAccount = Pick<NewAccount, "email" | "createdAt" | "blocked"> & {
  readonly [Field in "id" | "username" | "passwordHash" | "confirmed"]: Option.Option<NewAccount[Field]>
}

const yesOrNo = new Map<unknown, boolean>([
  ...["true", "t", "yes", "y", "1", 1, true].map((word) => [word, true] as const),
  ...["false", "f", "no", "n", "0", 0, false].map((word) => [word, false] as const)
])

const decodeYesOrNo = (value: unknown): Option.Option<boolean> =>
  Option.fromUndefinedOr(yesOrNo.get(typeof value === "string" ? value.trim().toLowerCase() : value))

const decodeHash = (value: unknown): Option.Option<NewAccount["passwordHash"]> =>
  typeof value === "string" && Option.isSome(formatOf(value)) ? Option.some(passwordHash(value)) : Option.none()

const instant = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(Z|UTC|[+-]\d\d(?::?\d\d)?)?)?$/

/** An instant in ISO 8601, or as PostgreSQL writes one; UTC where it names no zone. */
const decodeInstant = (value: unknown): Option.Option<Date> => {
  const parts = typeof value === "string" ? instant.exec(value.trim()) : null
  if (parts === null) return Option.none()
  const [, day = "", time = "00:00", zone = "Z"] = parts
  const offset = /^[+-]/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3).replace(":", "") || "00"}` : "Z"
  const date = new Date(`${day}T${time}${offset}`)
  // JavaScript takes the 31st of February for a day of March.
  const isDay = new Date(`${day}T00:00Z`).getUTCDate() === Number(day.slice(8))
  return Number.isNaN(date.getTime()) || !isDay ? Option.none() : Option.some(date)
}

const fields = {
  id: { decode: Schema.decodeUnknownOption(UserId), should: "a UUIDv7" },
  username: { decode: Schema.decodeUnknownOption(Username), should: "3 to 64 characters, without @" },
  email: { decode: Schema.decodeUnknownOption(Email), should: "one e-mail address" },
  passwordHash: { decode: decodeHash, should: "a hash of a known format that costs no more to verify than is allowed" },
  confirmed: { decode: decodeYesOrNo, should: "true or false" },
  blocked: { decode: decodeYesOrNo, should: "true or false" },
  createdAt: { decode: decodeInstant, should: "a time in ISO 8601" }
} as const

/** The account that a record describes, or all that is wrong with it. Neither holds a value that was refused: it may be a secret. */
export const describedIn = (
  record: Readonly<Record<string, unknown>>
): { readonly account: DescribedAccount } | { readonly problems: ReadonlyArray<string> } => {
  const problems: Array<string> = []
  const read = <A>(
    name: (typeof accountFields)[number],
    {
      decode,
      should
    }: {
      readonly decode: (value: unknown) => Option.Option<A>
      readonly should: string
    }
  ): Option.Option<A> => {
    const value = record[name]
    if (value === undefined || value === null || value === "") return Option.none()
    const decoded = decode(value)
    if (Option.isNone(decoded)) problems.push(`${name}: must be ${should}`)
    return decoded
  }
  const id = read("id", fields.id)
  const username = read("username", fields.username)
  const email = read("email", fields.email)
  const hash = read("passwordHash", fields.passwordHash)
  const confirmed = read("confirmed", fields.confirmed)
  const blocked = read("blocked", fields.blocked)
  const createdAt = read("createdAt", fields.createdAt)
  if (Option.isNone(email) && !problems.some((problem) => problem.startsWith("email:")))
    problems.push("email: is missing")
  if (problems.length > 0 || Option.isNone(email)) return { problems }
  return {
    account: {
      id,
      username,
      email: email.value,
      passwordHash: hash,
      confirmed,
      blocked: Option.getOrElse(blocked, () => false),
      createdAt
    }
  }
}
