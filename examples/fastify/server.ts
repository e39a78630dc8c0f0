import { getRequestListener } from "@hono/node-server"
import { startRekey } from "@rekey/server"
import fastify from "fastify"

const rekey = await startRekey(process.env, { basePath: "/accounts" })
const accounts = getRequestListener((request, { incoming }) =>
  rekey.fetch(request, { clientAddress: incoming.socket.remoteAddress })
)

const app = fastify()
app.get("/", async () => "The shop is open.")
app.register((scope, _options, ready) => {
  // Rekey reads the body itself.
  scope.addContentTypeParser(["application/json", "text/plain", "*"], (_request, _body, done) => done(null))
  scope.all("/accounts/*", (request, reply) => accounts(request.raw, reply.hijack().raw))
  ready()
})

await app.listen({ port: Number(process.env.PORT ?? 1337) })
process.once("SIGTERM", () => app.close().then(rekey.close))
