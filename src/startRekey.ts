import { Context, Effect, Exit, Layer, Option, Scope, Stream } from "effect"
import { HttpEffect, HttpRouter, HttpServerRequest } from "effect/http"
import { Events, type EventsFrom } from "./events/Events.ts"
import type { RekeyEvent } from "./events/RekeyEvent.ts"
import { Logging } from "./logging.ts"
import { type Replacements, RouterLayer } from "./server.ts"
import { settingsFrom } from "./settings.ts"
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
  /** Lets what is under way complete, and gives back the database and all else. */
  readonly close: () => Promise<void>
}

export interface StartOptions extends Replacements {
  /** A path that the host has Rekey under, such as `/accounts`, where it leaves it on the request. `PUBLIC_URL` should end with it. */
  readonly basePath?: `/${string}`
}

/** Where the connection of a `Request` comes from. */
const Peer = Context.Reference<Option.Option<string>>("rekey/startRekey/Peer", { defaultValue: () => Option.none() })

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
  const settings = await Effect.runPromise(settingsFrom(variables, { mailer: replacements.mailer !== undefined }))
  const scope = Scope.makeUnsafe()
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  const built = RouterLayer(settings, replacements).pipe(
    Layer.provideMerge(Logging(settings)),
    Layer.buildWithScope(scope)
  )
  const services = await Effect.runPromise(Effect.onError(built, () => Scope.close(scope, Exit.void)))

  const base = basePath.replace(/\/+$/, "")
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
  return {
    fetch: (request, from) => answer(request, Context.make(Peer, Option.fromUndefinedOr(from?.clientAddress))),
    events: (from) => Stream.toAsyncIterable(Context.get(services, Events).stream(from)),
    started: () => Effect.runPromise(Context.get(services, Database).started),
    close
  }
}
