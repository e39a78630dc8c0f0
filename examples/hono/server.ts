import { type HttpBindings, serve } from "@hono/node-server"
import { startRekey } from "@rekey/server"
import { Hono } from "hono"

const rekey = await startRekey(process.env, { basePath: "/accounts" })

const app = new Hono<{ Bindings: HttpBindings }>()
app.get("/", (context) => context.text("The shop is open."))
app.all("/accounts/*", ({ env, req }) => rekey.fetch(req.raw, { clientAddress: env.incoming.socket.remoteAddress }))

const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 1337) })
process.once("SIGTERM", () => server.close(() => rekey.close()))
