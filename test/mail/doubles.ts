import { createHash, createHmac, randomBytes } from "node:crypto"
import { Clock, Context, Effect, Layer, Option, Queue, Redacted } from "effect"
import { ConfirmationCodeHash } from "../../src/domain/ConfirmationCode.ts"
import type { Email } from "../../src/domain/Email.ts"
import { EmailChangeCodeHash } from "../../src/domain/EmailChange.ts"
import { Unavailable } from "../../src/domain/Failure.ts"
import { ResetCodeHash } from "../../src/domain/ResetCode.ts"
import { type Mail, Mailer, MailNotSent } from "../../src/mail/Mailer.ts"
import { type ClaimedMail, type Notice, Outbox } from "../../src/mail/Outbox.ts"
import type { CodeMint } from "../../src/secrets/CodeMint.ts"
import { ConfirmationCodeMint } from "../../src/secrets/ConfirmationCodeMint.ts"
import { EmailChangeCodeMint } from "../../src/secrets/EmailChangeCodeMint.ts"
import { type FreshResetCode, ResetCodeMint } from "../../src/secrets/ResetCodeMint.ts"

interface Row {
  readonly id: bigint
  readonly recipient: Email
  readonly queuedAt: number
  readonly contents: { readonly code: FreshResetCode; readonly codeEndsAt: number } | { readonly notice: Notice }
  dueAt: number
  leasedUntil: number
  attempts: number
  outcome: "waiting" | "sent" | "dropped" | "dead"
}

/** What the worker did to the outbox, in order; the claims that found nothing are left out. */
export type Step =
  | { readonly _tag: "claim"; readonly ids: ReadonlyArray<bigint>; readonly at: number }
  | { readonly _tag: "sent"; readonly id: bigint; readonly at: number }
  | { readonly _tag: "drop" | "setAside"; readonly id: bigint; readonly reason: string; readonly at: number }
  | { readonly _tag: "retry"; readonly id: bigint; readonly afterMillis: number; readonly at: number }

/** An outbox in memory, by the clock of the test, which can be made to fail where a database can't. */
export class FaultyOutbox extends Context.Service<
  FaultyOutbox,
  {
    add(recipient: Email, code: FreshResetCode, livesForMillis?: number): Effect.Effect<bigint>
    addNotice(recipient: Email): Effect.Effect<bigint>
    codeOf(id: bigint): FreshResetCode | undefined
    readonly rows: ReadonlyMap<bigint, Row>
    readonly steps: ReadonlyArray<Step>
    /** How many rehearsals were written down. */
    rehearsals(): number
    /** How many claims there were, whatever they found. */
    claims(): number
    /** Runs between reading what is due and handing it over, or before a write. */
    hooks: {
      afterClaim: Effect.Effect<void, Unavailable>
      beforeWrite: Effect.Effect<void, Unavailable>
    }
  }
>()("rekey/test/FaultyOutbox") {
  static readonly layer = Layer.effectContext(
    Effect.sync(() => {
      const rows = new Map<bigint, Row>()
      const steps: Array<Step> = []
      const hooks: FaultyOutbox["Service"]["hooks"] = { afterClaim: Effect.void, beforeWrite: Effect.void }
      let claims = 0
      let rehearsals = 0

      const write = (step: (at: number) => Step, change: (row: Row, at: number) => void) =>
        Effect.gen(function* () {
          yield* hooks.beforeWrite
          const at = yield* Clock.currentTimeMillis
          const done = step(at)
          steps.push(done)
          const row = "id" in done ? rows.get(done.id) : undefined
          if (row !== undefined) change(row, at)
        })

      const outbox = Outbox.of({
        claim: Effect.fnUntraced(function* (limit, leaseMillis) {
          claims++
          const at = yield* Clock.currentTimeMillis
          const due = [...rows.values()]
            .filter((row) => row.outcome === "waiting" && row.dueAt <= at && row.leasedUntil <= at)
            .slice(0, limit)
          yield* hooks.afterClaim
          for (const row of due) {
            row.leasedUntil = at + leaseMillis
            row.attempts++
          }
          if (due.length > 0) steps.push({ _tag: "claim", ids: due.map(({ id }) => id), at })
          return due.map(({ attempts, contents, id, queuedAt, recipient }): ClaimedMail => {
            const mail = {
              id,
              language: "en" as const,
              messageId: `message${id}`,
              recipient,
              attempts,
              ageMillis: at - queuedAt
            }
            if ("notice" in contents) return { ...mail, ...contents, kind: "notice" }
            const codeLivesForMillis = contents.codeEndsAt - at
            const { code } = contents
            const codeLives = codeLivesForMillis > 0
            return { ...mail, kind: "reset-code", byAdministrator: false, code, codeLives, codeLivesForMillis }
          })
        }),
        rehearse: Effect.sync(() => {
          rehearsals++
        }),
        sent: (id) =>
          write(
            (at) => ({ _tag: "sent", id, at }),
            (row) => {
              row.outcome = "sent"
            }
          ),
        drop: (id, reason) =>
          write(
            (at) => ({ _tag: "drop", id, reason, at }),
            (row) => {
              row.outcome = "dropped"
            }
          ),
        setAside: (id, reason) =>
          write(
            (at) => ({ _tag: "setAside", id, reason, at }),
            (row) => {
              row.outcome = "dead"
            }
          ),
        retry: (id, afterMillis) =>
          write(
            (at) => ({ _tag: "retry", id, afterMillis, at }),
            (row, at) => {
              row.dueAt = at + afterMillis
              row.leasedUntil = 0
            }
          )
      })

      const queue = (at: number, recipient: Email, contents: Row["contents"]) => {
        const id = BigInt(rows.size + 1)
        rows.set(id, {
          id,
          recipient,
          contents,
          queuedAt: at,
          dueAt: at,
          leasedUntil: 0,
          attempts: 0,
          outcome: "waiting"
        })
        return id
      }

      const add = Effect.fnUntraced(function* (recipient: Email, code: FreshResetCode, livesForMillis = 1_800_000) {
        const at = yield* Clock.currentTimeMillis
        return queue(at, recipient, { code, codeEndsAt: at + livesForMillis })
      })

      const addNotice = Effect.fnUntraced(function* (recipient: Email) {
        const at = yield* Clock.currentTimeMillis
        const notice = { event: "password-reset", at: new Date(at), device: "Firefox", clientAddress: null } as const
        return queue(at, recipient, { notice })
      })

      /** The code that a row's mail brings. */
      const codeOf = (id: bigint) => {
        const contents = rows.get(id)?.contents
        return contents !== undefined && "code" in contents ? contents.code : undefined
      }

      return Context.make(Outbox, outbox).pipe(
        Context.add(
          FaultyOutbox,
          FaultyOutbox.of({
            add,
            addNotice,
            codeOf,
            rows,
            steps,
            hooks,
            claims: () => claims,
            rehearsals: () => rehearsals
          })
        )
      )
    })
  )
}

/** The store is gone for so many calls, then back. */
export const unavailableFor = (calls: number): Effect.Effect<void, Unavailable> => {
  let left = calls
  return Effect.suspend(() => (left-- > 0 ? Effect.fail(new Unavailable()) : Effect.void))
}

/** A mailer that does what a test wants with the mails of an address, and takes all others. */
export class FaultyMailer extends Context.Service<
  FaultyMailer,
  {
    /** The next mail that was taken; waits for it. */
    readonly taken: Effect.Effect<Mail>
    /** The next mail that somebody tried to send, taken or not; waits for it. */
    readonly tried: Effect.Effect<Mail>
    readonly behaviours: Map<string, Effect.Effect<void, MailNotSent>>
  }
>()("rekey/test/FaultyMailer") {
  static readonly layer = Layer.effectContext(
    Effect.gen(function* () {
      const taken = yield* Queue.unbounded<Mail>()
      const tried = yield* Queue.unbounded<Mail>()
      const behaviours = new Map<string, Effect.Effect<void, MailNotSent>>()
      const mailer = Mailer.of({
        send: Effect.fnUntraced(function* (mail) {
          yield* Queue.offer(tried, mail)
          yield* behaviours.get(mail.to) ?? Effect.void
          yield* Queue.offer(taken, mail)
        })
      })
      return Context.make(Mailer, mailer).pipe(
        Context.add(FaultyMailer, FaultyMailer.of({ taken: Queue.take(taken), tried: Queue.take(tried), behaviours }))
      )
    })
  )
}

export const refused = Effect.fail(new MailNotSent({ reason: "451 EENVELOPE" }))

/** Makes codes without Web Crypto's threads, so that nothing but the clock decides when the worker gets on. */
export const syncMint = (secret: string) => {
  const codeOf = (nonce: Uint8Array) => createHmac("sha256", secret).update(nonce).digest("base64url")
  const hashOf = (code: string) => new Uint8Array(createHash("sha256").update(code).digest())
  const mintOf = <Hash extends Uint8Array>(brand: (bytes: Uint8Array) => Hash): CodeMint<Hash> => ({
    fresh: Effect.sync(() => {
      const nonce = new Uint8Array(randomBytes(32))
      return { nonce, codeHash: brand(hashOf(codeOf(nonce))) }
    }),
    derive: ({ codeHash, nonce }) =>
      Effect.sync(() => {
        const code = codeOf(nonce)
        return hashOf(code).every((byte, index) => byte === codeHash[index])
          ? Option.some(Redacted.make(code))
          : Option.none()
      }),
    hash: (code) => Effect.sync(() => brand(hashOf(Redacted.value(code))))
  })
  return Layer.mergeAll(
    Layer.succeed(ResetCodeMint, mintOf(ResetCodeHash.make)),
    Layer.succeed(ConfirmationCodeMint, mintOf(ConfirmationCodeHash.make)),
    Layer.succeed(EmailChangeCodeMint, mintOf(EmailChangeCodeHash.make))
  )
}
