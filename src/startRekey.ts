import { Context, Effect, Exit, Layer, Option, Scope, Stream } from "effect"
import { HttpEffect, HttpRouter, HttpServerRequest } from "effect/http"
import { Events, type EventsFrom } from "./events/Events.ts"
import type { RekeyEvent } from "./events/RekeyEvent.ts"
import { Logging } from "./logging.ts"
import { type Replacements, RouterLayer } from "./server.ts"
import { SettingsInvalid, settingsFrom } from "./settings.ts"
import { Database } from "./sql/Database.ts"

/** What the host knows of a request and its `Request` doesn't say. */
export interface From {
  /**
   * The address of the connection's other end, as the host's server has it. Limits count by it (and by what `TRUSTED_PROXIES` say
   * who come from it): without one, all clients share one count.
   */
  readonly clientAddress?: string | undefined
}

/** Rekey inside another application. */
export interface Rekey {
  /** Answers a request, whatever it asks for; 404 where it is for nothing of ours. Needs no `this`. */
  readonly fetch: (request: Request, from?: From) => Promise<Response>
  /** Waits until migrations are applied; rejects where that needs a person. Requests meanwhile are answered with 503. */
  readonly started: () => Promise<void>
  /** What happens to accounts, from now on or since then, as {@link Events} has it: `for await (const event of rekey.events())`. */
  readonly events: (from?: EventsFrom) => AsyncIterable<RekeyEvent>
  /** Lets what is under way complete, and gives back the database and all else. Once more it waits for the same. */
  readonly close: () => Promise<void>
}

export interface StartOptions extends Replacements {
  /**
   * A path that the host has Rekey under, such as `/accounts`, where it leaves it on the request. `PUBLIC_URL` ends with it by default, and
   * has to say it where it is set, unless a proxy before the host adds it.
   */
  readonly basePath?: `/${string}`
}

/** Where the connection of a `Request` comes from. */
const Peer = Context.Reference<Option.Option<string>>("rekey/startRekey/Peer", { defaultValue: () => Option.none() })

/** A base path without a slash at its end; empty for the root. */
const basePathIn = (path: string): Effect.Effect<string, SettingsInvalid> => {
  const base = path.replace(/\/+$/, "")
  // As it stands in a URL, since it is compared with what a request has.
  return URL.parse(base, "http://host")?.pathname === (base || "/")
    ? Effect.succeed(base)
    : Effect.fail(
        new SettingsInvalid({ problems: [`The base path is ${path}: it should be a path, such as /accounts`] })
      )
}

/** Links in mails start with `PUBLIC_URL`, and so do the paths of cookies. */
const warnOfOtherPath = (base: string, { pathname }: URL) =>
  Effect.when(
    Effect.logWarning("PUBLIC_URL doesn't end with the path that Rekey is mounted at", { basePath: base, pathname }),
    Effect.succeed(!pathname.replace(/\/$/, "").endsWith(base))
  )

/** The path below `base`; none where it isn't below it. */
const below = (base: string, url: string): Option.Option<string> => {
  if (!url.startsWith(base)) return Option.none()
  const rest = url.slice(base.length)
  return rest === "" || rest.startsWith("?")
    ? Option.some(`/${rest}`)
    : rest.startsWith("/")
      ? Option.some(rest)
      : Option.none()
}

/**
 * Starts Rekey inside another application, on Node, Bun or Deno, set by `variables`, for which `process.env` may stand: see
 * .env.example for their names. Rejects with what is wrong with them, a line for each. Background work runs until it is closed.
 */
export const startRekey = async (
  variables: Readonly<Record<string, string | undefined>>,
  { basePath = "/", ...replacements }: StartOptions = {}
): Promise<Rekey> => {
  const base = await Effect.runPromise(basePathIn(basePath))
  const settings = await Effect.runPromise(
    settingsFrom(variables, {
      mailer: replacements.mailer !== undefined,
      sql: replacements.sql !== undefined,
      basePath: base
    })
  )
  const scope = Scope.makeUnsafe()
  const built = RouterLayer(settings, replacements).pipe(
    Layer.merge(Layer.effectDiscard(warnOfOtherPath(base, settings.publicUrl))),
    Layer.provideMerge(Logging(settings)),
    Layer.buildWithScope(scope)
  )
  const services = await Effect.runPromise(Effect.onError(built, () => Scope.close(scope, Exit.void)))

  const router = Context.get(services, HttpRouter.HttpRouter).asHttpEffect()
  const answer = HttpEffect.toWebHandlerWith<never, HttpServerRequest.HttpServerRequest | Scope.Scope>(services)(
    Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const url = Option.getOrElse(below(base, request.url), () => "/nowhere")
      return yield* Effect.provideService(
        router,
        HttpServerRequest.HttpServerRequest,
        request.modify({ url, remoteAddress: yield* Peer })
      )
    })
  )
  let closing: Promise<void> | undefined
  return {
    fetch: (request, from) => answer(request, Context.make(Peer, Option.fromUndefinedOr(from?.clientAddress))),
    events: (from) => Stream.toAsyncIterable(Context.get(services, Events).stream(from)),
    started: () => Effect.runPromise(Context.get(services, Database).started),
    close: () => {
      closing ??= Effect.runPromise(Scope.close(scope, Exit.void))
      return closing
    }
  }
}
