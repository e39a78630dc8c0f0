/**
 * The server as it is deployed, dist/bin/rekey.js: one file with everything that it imports, since what takes time at a start is
 * opening files. Outside stay what is native, and what only the embedded database needs. It lies as deep as the folders of src, so
 * it finds migrations and lists where they do. Into another folder than dist where one is named.
 */
import { chmod, rm } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Plugin, rolldown } from "rolldown"

/**
 * Node reads each member of a module of its own that is imported, and one of node:http's loads undici, the client behind `fetch`: a sixth
 * of a start. Asked for in this way nobody reads what isn't used. Bun and Deno have the same function.
 */
const httpWithoutUndici: Plugin = {
  name: "http-without-undici",
  resolveId: { filter: { id: /^(node:)?http$/ }, handler: (id) => ({ id: `\0${id}` }) },
  load: {
    filter: { id: /^\0(node:)?http$/ },
    handler: () => `const http = process.getBuiltinModule("node:http")
export default http
export const { METHODS, STATUS_CODES, createServer } = http`
  }
}

/** Nothing is a WebSocket here, and nobody is let try: see src/http/nodeServer.ts. */
const withoutWebSockets: Plugin = {
  name: "without-web-sockets",
  resolveId: { filter: { id: /^ws$/ }, handler: (id) => ({ id: `\0${id}` }) },
  load: { filter: { id: /^\0ws$/ }, handler: () => "export const [WebSocket, WebSocketServer] = []" }
}

const project = fileURLToPath(new URL("../", import.meta.url))

const { 2: dist = join(project, "dist") } = process.argv

await rm(dist, { recursive: true, force: true })
const bundle = await rolldown({
  cwd: project,
  input: { rekey: "src/main.ts" },
  platform: "node",
  external: [/^@node-rs\//, /^@electric-sql\/pglite/],
  plugins: [httpWithoutUndici, withoutWebSockets]
})
await bundle.write({
  dir: join(dist, "bin"),
  format: "esm",
  minify: true,
  banner: ({ isEntry }) => (isEntry ? "#!/usr/bin/env node" : "")
})
await bundle.close()
await chmod(join(dist, "bin/rekey.js"), 0o755)
