import { Array, Context, Effect, Layer, Option, Redacted } from "effect"
import type { Unavailable } from "../domain/Failure.ts"
import { normalized, type Password, type PasswordFault, PasswordRejected } from "../domain/Password.ts"
import { BreachCheck } from "./BreachCheck.ts"
import { isListed, readCommonPasswords } from "./CommonPasswords.ts"

/** What is known of whose password it is, to everybody who knows the account. */
export interface PasswordOwner {
  readonly username: string
  readonly email: string
}

/**
 * Which passwords are taken: long enough, not among the commonest, not the account's own names, in no known breach. Nothing is
 * asked of what they are composed of (NIST SP 800-63B-4, 3.1.1.2).
 */
export class PasswordPolicy extends Context.Service<
  PasswordPolicy,
  {
    /** In code points of the NFC form. */
    readonly minLength: number
    readonly maxLength: number
    /** Costs nothing: meant to run before anything else (E8). */
    checkLength(password: Password): Effect.Effect<void, PasswordRejected>
    /**
     * Every rule, for the account that is to have the password: all that is against it at once. Meant to run before hashing. Whether the
     * password is in a breach is asked only where nothing else is against it, since the question leaves the house.
     */
    checkFor(owner: PasswordOwner, password: Password): Effect.Effect<void, PasswordRejected | Unavailable>
  }
>()("rekey/passwords/PasswordPolicy") {
  static readonly layer = ({
    appName,
    maxBytes,
    maxLength,
    minLength
  }: {
    readonly minLength: number
    readonly maxLength: number
    /** In UTF-8, as it was typed: what the format of the hashes takes in (`HashWriter`). */
    readonly maxBytes: Option.Option<number>
    readonly appName: string
  }) =>
    Layer.effect(
      PasswordPolicy,
      Effect.gen(function* () {
        const { isBreached } = yield* BreachCheck
        // At the first password, and not at the start: a process may run for long without one.
        const commonPasswords = yield* Effect.cached(readCommonPasswords)

        // A character takes a byte at least.
        const mostCharacters = Math.min(
          maxLength,
          Option.getOrElse(maxBytes, () => maxLength)
        )

        const lengthFaults = (password: Password): ReadonlyArray<PasswordFault> => {
          const length = [...normalized(password)].length
          if (length < minLength) return [{ _tag: "TooShort", least: minLength }]
          if (length > mostCharacters) return [{ _tag: "TooLong", most: mostCharacters }]
          const tooMany = Option.filter(maxBytes, (most) => Buffer.byteLength(Redacted.value(password)) > most)
          return Option.toArray(Option.map(tooMany, (most) => ({ _tag: "TooManyBytes", most })))
        }

        const checkLength = (password: Password) => refusedFor(lengthFaults(password))

        const checkFor = Effect.fn("PasswordPolicy.checkFor")(function* (owner: PasswordOwner, password: Password) {
          const text = normalized(password)
          yield* refusedFor([
            ...lengthFaults(password),
            ...(isListed(yield* commonPasswords, text) ? [{ _tag: "TooCommon" } as const] : []),
            ...(isLittleMoreThanContext(text, owner, appName) ? [{ _tag: "TooClose" } as const] : [])
          ])
          if (yield* isBreached(password)) yield* refusedFor([{ _tag: "Breached" }])
        })

        return PasswordPolicy.of({ minLength, maxLength: mostCharacters, checkLength, checkFor })
      })
    )
}

const refusedFor = (faults: ReadonlyArray<PasswordFault>): Effect.Effect<void, PasswordRejected> =>
  Array.isReadonlyArrayNonEmpty(faults) ? Effect.fail(new PasswordRejected({ faults })) : Effect.void

/** Shorter ones turn up in any phrase. */
const shortestWord = 4

/** A password of which fewer characters remain without the words of its context is little more than they are. */
const leastRemainder = 5

const twins: Readonly<Record<string, string>> = {
  0: "o",
  1: "i",
  l: "i",
  3: "e",
  4: "a",
  "@": "a",
  5: "s",
  $: "s",
  7: "t"
}

/** One reading for all variations: no case, no accents, and letters for the digits and signs that stand in for them. */
const folded = (text: string): string =>
  text
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .normalize("NFC")
    .toLowerCase()
    .replace(/[01l34@5$7]/g, (character) => twins[character] ?? character)

const lengthOf = (text: string): number => [...text].length
const reversed = (text: string): string => [...text].reverse().join("")
const withoutSeparators = (text: string): string => text.replace(/[^\p{L}\p{N}]/gu, "")

/** A text as a whole and each of its parts, as they are looked for. */
const wordsOf = (text: string): ReadonlyArray<string> =>
  [text, ...text.split(/[^\p{L}\p{N}]+/u)].map((part) => withoutSeparators(folded(part)))

/**
 * Whether fewer than 5 characters of a password remain when the words of its context (the address, the user name, the name of
 * the service, their parts of 4 or more characters) are taken out, forwards or backwards, in any case and in leetspeak. So
 * `Lovelace1815` and `ecal3v0l!` are refused, and a long phrase with a name in it is not (NIST SP 800-63B-4, 3.1.1.2).
 */
const isLittleMoreThanContext = (password: string, owner: PasswordOwner, appName: string): boolean => {
  const at = owner.email.lastIndexOf("@")
  const texts = [owner.email, owner.email.slice(0, at), owner.email.slice(at + 1), owner.username, appName]
  const words = new Set(
    texts
      .flatMap(wordsOf)
      .filter((word) => lengthOf(word) >= shortestWord)
      .flatMap((word) => [word, reversed(word)])
  )
  let rest = withoutSeparators(folded(password))
  let remainder = lengthOf(folded(password))
  for (const word of [...words].sort((one, other) => other.length - one.length)) {
    const pieces = rest.split(word)
    remainder -= (pieces.length - 1) * lengthOf(word)
    rest = pieces.join("\n") // what stands on either side of a word makes no other word
  }
  return rest.includes("\n") && remainder < leastRemainder
}
