import { Duration, Effect, Layer, Predicate, Redacted } from "effect"
import { createTransport } from "nodemailer"
import addressparser from "nodemailer/lib/addressparser"
import { type Mail, Mailer, MailNotSent } from "./Mailer.ts"
import { messageOf } from "./message.ts"

/** For a whole conversation, from the look-up of the server's name to its last reply. The outbox's lease is longer. */
const patience = Duration.seconds(20)

/** What no query parameter of the URL may change. */
const settings = {
  // A connection for each mail: they are few, an idle connection goes stale, and one that hangs has no other mail on it.
  pool: false,
  dnsTimeout: Duration.toMillis(patience),
  connectionTimeout: Duration.toMillis(patience),
  greetingTimeout: Duration.toMillis(patience),
  socketTimeout: Duration.toMillis(patience),
  // A server that doesn't hang up can't keep a process from ending.
  socketCloseTimeout: 1_000,
  disableFileAccess: true,
  disableUrlAccess: true,
  // Nodemailer would log mails and credentials (D4).
  logger: false,
  debug: false,
  transactionLog: false
}

/**
 * The reply's status code, Nodemailer's error code and the one of the system behind it. Nothing else: servers repeat
 * addresses and more in their replies (D4).
 */
const reasonOf = (error: unknown): string =>
  ["responseCode", "code", "originalCode"]
    .map((key) => (Predicate.hasProperty(error, key) ? String(error[key]) : ""))
    .filter((word) => /^[A-Z0-9_]+$/.test(word))
    .join(" ") || "unknown"

/** Neither the URL nor Nodemailer's complaint about it may be shown: both hold the password. */
const transportTo = (url: Redacted.Redacted) =>
  Effect.try({
    try: () => {
      const stripped = new URL(Redacted.value(url))
      for (const name of Object.keys(settings)) stripped.searchParams.delete(name)
      return createTransport({ ...settings, url: stripped.href })
    },
    catch: () => new Error("The URL of the mail server can't be read.")
  })

/** Greets the server at `url` and signs in, as for a mail, and sends none. */
export const handshake = (url: Redacted.Redacted): Effect.Effect<void, MailNotSent> =>
  Effect.flatMap(Effect.orDie(transportTo(url)), (transport) =>
    Effect.tryPromise({
      try: () => transport.verify(),
      catch: (error) => new MailNotSent({ reason: reasonOf(error) })
    }).pipe(Effect.ensuring(Effect.sync(() => transport.close())))
  ).pipe(
    Effect.asVoid,
    Effect.timeoutOrElse({ duration: patience, orElse: () => new MailNotSent({ reason: "ETIMEDOUT" }) })
  )

/**
 * Sends mails by SMTP to the server at `url` (`smtp://user:password@host:587`, `smtps://` for TLS from the start), `from` an
 * address with or without a name. A mail is given up after 20 s; interruption closes its connection.
 */
export const layer = (options: { readonly url: Redacted.Redacted; readonly from: string }): Layer.Layer<Mailer> =>
  Layer.effect(
    Mailer,
    Effect.gen(function* () {
      const [sender] = addressparser(options.from, { flatten: true })
      const domain = URL.parse(`http://${sender?.address.split("@").at(-1)}`)?.hostname // IDNA
      if (!sender?.address || !domain) return yield* Effect.die(new Error("The sender of mails is no address."))
      const transport = yield* Effect.orDie(transportTo(options.url))

      const send = Effect.fn("SmtpMailer.send")(
        function* (mail: Mail) {
          yield* Effect.tryPromise({
            try: (signal) => transport.sendMail({ ...messageOf(mail, { from: sender, domain }), signal }),
            catch: (error) => new MailNotSent({ reason: reasonOf(error) })
          })
        },
        Effect.timeoutOrElse({ duration: patience, orElse: () => new MailNotSent({ reason: "ETIMEDOUT" }) })
      )

      return Mailer.of({ send })
    })
  )
