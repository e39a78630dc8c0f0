import { getRequestListener } from "@hono/node-server"
import { startRekey } from "@rekey/server"
import express from "express"

const rekey = await startRekey(process.env, { basePath: "/accounts" })
const accounts = getRequestListener((request, { incoming }) =>
  rekey.fetch(request, { clientAddress: incoming.socket.remoteAddress })
)

const app = express()
app.all("/accounts/*path", accounts) // before whatever reads bodies, such as express.json()
app.get("/", (_, response) => void response.send("The shop is open."))

const server = app.listen(Number(process.env.PORT ?? 1337))
process.once("SIGTERM", () => server.close(() => rekey.close()))
