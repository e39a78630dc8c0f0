import { startRekey } from "@rekey/server"

const rekey = await startRekey(Deno.env.toObject(), { basePath: "/accounts" })

const server = Deno.serve({ port: Number(Deno.env.get("PORT") ?? 1337) }, (request, { remoteAddr }) =>
  new URL(request.url).pathname.startsWith("/accounts/")
    ? rekey.fetch(request, { clientAddress: remoteAddr.hostname })
    : new Response("The shop is open.")
)
Deno.addSignalListener("SIGTERM", () => void server.shutdown().then(rekey.close))
