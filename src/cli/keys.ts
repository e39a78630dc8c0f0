import { Array, Effect, Option, Redacted } from "effect"
import { Command, Flag } from "effect/cli"
import { freshSecret, keptSecrets, replaceSecrets, type Secrets } from "../secrets/GeneratedSecret.ts"
import { Crypto } from "../server.ts"
import { readSettings } from "../settings.ts"
import { failed } from "./endings.ts"
import { answer, confirm, print, remark, yes } from "./output.ts"

/** Where the secrets of this installation are, the current one first. */
const findSecrets = Effect.gen(function* () {
  const settings = yield* readSettings
  if (Option.isSome(settings.appSecrets)) {
    return { settings, secrets: settings.appSecrets.value, file: Option.none<Date>() }
  }
  const kept = yield* keptSecrets(settings.dataDir)
  if (Option.isNone(kept)) {
    return yield* failed(
      `There is no secret yet: APP_SECRET isn't set, and the first start makes one in DATA_DIR ${settings.dataDir}.`
    )
  }
  return { settings, secrets: kept.value.secrets, file: Option.some(kept.value.changedAt) }
})

const printFlag = Flag.Boolean("print").pipe(
  Flag.withoutNegation,
  Flag.withDescription("Print the new line of APP_SECRET, which holds secrets, to standard output"),
  Flag.withDefault(false)
)

const lineOf = (secrets: Secrets): string => `APP_SECRET=${secrets.map(Redacted.value).join(",")}\n`

const rotateCommand = Command.make(
  "rotate",
  { print: printFlag },
  Effect.fnUntraced(function* ({ print: printed }) {
    const { file, secrets, settings } = yield* findSecrets
    const fresh: Secrets = Array.prepend(secrets, yield* freshSecret)
    const days = Math.ceil(settings.sessionTtlMillis / 86_400_000)
    const later = `Keep the former behind it until ${days} days after every server was started with the new one (SESSION_TTL): until then it is what sessions, and codes of mails that wait, were made with. Then "rekey keys retire" takes it away.`
    if (Option.isSome(file)) {
      yield* replaceSecrets(settings.dataDir, fresh)
      return yield* answer(
        { rotated: true, secrets: fresh.length },
        `DATA_DIR ${settings.dataDir} has a new secret. Restart the server: it makes codes and tokens with the new one from then on.\n${later}\n`
      )
    }
    if (printed) yield* print(lineOf(fresh))
    yield* remark(
      `${printed ? "" : "Nothing was changed: APP_SECRET is set in the environment, or in .env, which isn't ours to write. --print prints its new value.\n"}Put the new line in place of APP_SECRET and restart every server. Where several share the load and are restarted one after the other, set the new secret last in the list first, on all of them, and put it in front in a second round: so that none meets a token that it doesn't know.
${later}`
    )
  })
).pipe(
  Command.provide(Crypto),
  Command.withDescription("Make a new secret the current one, and keep the former for what was made with them"),
  Command.withExamples([
    { command: "rekey keys rotate", description: "In the file of DATA_DIR; else say what to do" },
    { command: "rekey keys rotate --print > secret.env", description: "For APP_SECRET in the environment" }
  ])
)

const retireCommand = Command.make(
  "retire",
  { print: printFlag, yes },
  Effect.fnUntraced(function* ({ print: printed, yes }) {
    const { file, secrets, settings } = yield* findSecrets
    if (secrets.length === 1) return yield* failed("There is no former secret.")
    const current: Secrets = [secrets[0]]
    if (Option.isNone(file)) {
      if (printed) yield* print(lineOf(current))
      return yield* remark(
        `${printed ? "" : "Nothing was changed: --print prints the new value of APP_SECRET.\n"}Put the new line in place of APP_SECRET and restart every server: sessions that were made with a former secret end then, and mails that wait with a code of it can't be sent. Codes that were mailed stay good: "rekey sessions revoke --all" ends them.`
      )
    }
    const safeFrom = new Date(file.value.getTime() + settings.sessionTtlMillis)
    const early = safeFrom.getTime() > Date.now()
    yield* confirm(
      early
        ? `Take ${secrets.length - 1} former away? Sessions that were made with them end: they may last until ${safeFrom.toISOString()}.`
        : `Take ${secrets.length - 1} former away? Nothing that was made with them is in use any more.`,
      yes
    )
    yield* replaceSecrets(settings.dataDir, current)
    yield* answer({ retired: secrets.length - 1 }, "The former secrets are gone. Restart the server.\n")
  })
).pipe(Command.withDescription("Take former secrets away: what was made with them ends"))

/** `rekey keys`. */
export const keysCommand = Command.make("keys").pipe(
  Command.withDescription("Change APP_SECRET, which codes and tokens are made with"),
  Command.withSubcommands([rotateCommand, retireCommand])
)
