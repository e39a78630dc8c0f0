import { Effect, type Scope } from "effect"
import type { SqlClient } from "effect/sql"
import * as accounts from "./accounts.ts"
import * as betterAuthAccounts from "./betterAuthAccounts.ts"
import * as betterAuthExchanges from "./betterAuthExchanges.ts"
import { type PeersNotInstalled, startServer as startBetterAuth } from "./betterAuthServer.ts"
import * as exchanges from "./exchanges.ts"
import type { Exchange } from "./load.ts"
import type { Server, ServerNotReady } from "./program.ts"
import { startServer, type Way } from "./server.ts"

/** What is measured: a way to start it, accounts in its own tables, and its own doors. */
export interface Contestant {
  readonly name: string
  start(options: {
    readonly folder: string
    readonly databaseUrl: string
    /** With its limits on, and clients believed that say where they come from. */
    readonly limits: boolean
  }): Effect.Effect<Server, ServerNotReady | PeersNotInstalled, Scope.Scope>
  makeAccounts(sql: SqlClient.SqlClient, count: number): Effect.Effect<Array<accounts.Account>>
  countRecovered(sql: SqlClient.SqlClient): Effect.Effect<number>
  /** Waits until nothing is left to do behind the answers. */
  untilDone(sql: SqlClient.SqlClient): Effect.Effect<void>
  readonly healthPath: string
  reset(account: accounts.Account): Exchange
  badCode(): Exchange
  forgot(account: accounts.Account): Exchange
  signIn(account: accounts.Account): Exchange
}

/** 256 at once would meet the bound of the queue, 64 a core, and half of them 503: here all shall wait. */
const waitForAll = { HASH_QUEUE_LIMIT: "512" }

const rekey = (name: string, way: Way): Contestant => ({
  name,
  start: ({ databaseUrl, folder, limits }) =>
    startServer({
      way,
      folder,
      databaseUrl,
      env: { ...waitForAll, ...(limits && { RATE_LIMIT: "on", TRUSTED_PROXIES: "127.0.0.1" }) }
    }),
  makeAccounts: accounts.makeAccounts,
  countRecovered: accounts.countRecovered,
  untilDone: accounts.untilDone,
  healthPath: "/health",
  ...exchanges
})

/** Rekey as it is deployed. */
export const rekeyOnNode = rekey("Rekey, Node", "node")

/** The same from its sources, as `npm start` runs it in a clone. */
export const rekeyFromSources = rekey("Rekey, from source", "sources")

export const betterAuth: Contestant = {
  name: "better-auth",
  start: ({ databaseUrl, folder, limits }) =>
    startBetterAuth({ folder, databaseUrl, env: { RATE_LIMIT: limits ? "on" : "off" } }),
  makeAccounts: betterAuthAccounts.makeAccounts,
  countRecovered: betterAuthAccounts.countRecovered,
  untilDone: () => Effect.void, // it sends no mail, and does nothing behind an answer
  healthPath: "/api/auth/ok",
  ...betterAuthExchanges
}

export const contestants: ReadonlyArray<Contestant> = [
  rekeyOnNode,
  rekey("Rekey, Bun", "bun"),
  rekey("Rekey, Deno", "deno"),
  betterAuth
]
