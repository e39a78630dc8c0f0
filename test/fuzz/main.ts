/**
 * Sends inputs nobody meant to every door of a server of its own, and looks for an answer that is a fault of ours (5xx, or an
 * error of another shape), one that takes more than a second, and memory that grows. What it finds is printed as small as it can be.
 *
 *   npm run fuzz                             100,000 inputs
 *   npm run fuzz -- --runs 1000 --seed 7     fewer, and the same ones again
 */
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { Agent, request } from "node:http"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import * as fc from "fast-check"
import { administratorToken, type Input, input, liveToken } from "./inputs.ts"

const project = fileURLToPath(new URL("../../", import.meta.url))

const { values } = parseArgs({
  options: { runs: { type: "string", default: "100000" }, seed: { type: "string" } }
})
const runs = Number(values.runs)
const seed = Number(values.seed ?? Date.now() & 0x7fff_ffff)

/** Inputs that are under way at once. */
const atOnce = 20
const slowestMillis = 1000
/** Of the second half of a run, in MB per 10,000 inputs: what a leak would exceed. */
const steepest = 10

const print = (line: string) => process.stdout.write(`${line}\n`)

interface Answer {
  readonly status: number
  readonly contentType: string
  readonly text: string
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  return typeof address === "object" && address !== null ? address.port : 0
}

/** The service as people run it, hashing cheaply and without the limits that would keep the inputs from its decoders. */
const startServer = async (dataDir: string) => {
  const port = await freePort()
  const child = spawn(process.execPath, [join(project, "src", "main.ts")], {
    cwd: dataDir,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      HOST: "127.0.0.1",
      PORT: String(port),
      DATA_DIR: dataDir,
      RATE_LIMIT: "off",
      ADMIN_TOKENS: `fuzz:${administratorToken}`,
      ARGON2_MEMORY_KIB: "128",
      ARGON2_ITERATIONS: "1",
      LOG_LEVEL: "Error",
      LOG_FORMAT: "json"
    }
  })
  let errors = ""
  child.stdout.resume()
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-4000)
  })
  return {
    port,
    /** What it last logged. */
    errors: () => errors,
    memory: () => Number(execFileSync("ps", ["-o", "rss=", "-p", String(child.pid)]).toString()) / 1024,
    stop: async () => {
      const ended = once(child, "exit")
      child.kill()
      await ended
    }
  }
}

const dataDir = await mkdtemp(join(tmpdir(), "rekey-fuzz-"))
const server = await startServer(dataDir)
const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
let token = ""

const ask = (method: string, path: string, headers: Readonly<Record<string, string>>, body: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const bytes = Buffer.from(body, "latin1")
    const sent = { ...headers, "content-length": String(bytes.length) }
    const outgoing = request(
      { host: "127.0.0.1", port: server.port, method, path, agent, headers: sent },
      (incoming) => {
        const chunks: Array<Buffer> = []
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
        incoming.on("error", reject)
        incoming.on("end", () =>
          resolve({
            status: incoming.statusCode ?? 0,
            contentType: incoming.headers["content-type"] ?? "",
            text: Buffer.concat(chunks).toString()
          })
        )
      }
    )
    outgoing.on("error", reject)
    outgoing.end(bytes)
  })

/** The first answer to bytes, if there is one: a connection that is closed without a word is an answer too. */
const tell = (bytes: string): Promise<Answer> =>
  new Promise((resolve) => {
    const chunks: Array<Buffer> = []
    const socket = connect({ host: "127.0.0.1", port: server.port, allowHalfOpen: true }, () =>
      socket.end(Buffer.from(bytes.replaceAll(liveToken, token), "latin1"))
    )
    socket.on("data", (chunk: Buffer) => chunks.push(chunk))
    socket.on("error", () => {})
    socket.on("close", () => {
      const [head = "", text = ""] = Buffer.concat(chunks).toString().split("\r\n\r\n", 2)
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0)
      // More than one answer may be on the connection, and chunks: of those only the status is looked at.
      resolve({ status: status < 500 ? 0 : status, contentType: "", text })
    })
  })

const send = (input: Input): Promise<Answer> => {
  if (input._tag === "Bytes") return tell(input.bytes)
  const authorization = input.headers.authorization?.replace(liveToken, token)
  const headers = { ...input.headers, ...(authorization !== undefined && { authorization }) }
  // A server that answers before it has read a body may close the connection under it: a client asks again.
  const once = () => ask(input.method, input.path, headers, input.body)
  return once().catch(once)
}

/** Whether an error has the one shape of ours. */
const isError = ({ contentType, status, text }: Answer): boolean => {
  if (!contentType.startsWith("application/json")) return false
  const { code, message, reason } = JSON.parse(text)
  return code === status && typeof message === "string" && typeof reason === "string"
}

const complaint = async (input: Input): Promise<string | undefined> => {
  const began = performance.now()
  const answer = await send(input)
  const millis = performance.now() - began
  if (answer.status >= 500) return `answered ${answer.status}: ${answer.text}`
  if (millis > slowestMillis) return `took ${Math.round(millis)} ms`
  const hasBody = input._tag === "Request" && input.method !== "HEAD" && !answer.contentType.startsWith("text/html")
  return answer.status >= 400 && hasBody && !isError(answer) ? `an error of another shape: ${answer.text}` : undefined
}

const someone = { username: "fuzz", email: "fuzz@example.com", password: "a phrase for fuzzing" }
const json = { "content-type": "application/json" }

const signIn = async (): Promise<void> => {
  const body = JSON.stringify({ identifier: someone.username, password: someone.password })
  token = JSON.parse((await ask("POST", "/auth/local", json, body)).text).jwt
}

const ready = async (): Promise<void> => {
  const { status } = await ask("GET", "/ready", {}, "").catch(() => ({ status: 0 }))
  if (status === 200) return
  await new Promise((resolve) => setTimeout(resolve, 50))
  return ready()
}

/** The slope of a line through points, by least squares. */
const slope = (points: ReadonlyArray<readonly [x: number, y: number]>): number => {
  const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))]
  const spread = points.reduce((sum, [at]) => sum + (at - x) ** 2, 0)
  return spread === 0 ? 0 : points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0) / spread
}

try {
  await ready()
  await ask("POST", "/auth/local/register", json, JSON.stringify(someone))
  print(`seed ${seed}, ${runs} inputs`)

  let sent = 0
  let found = false
  let nextSample = 0
  const memory: Array<readonly [inputs: number, megabytes: number]> = []
  const began = performance.now()

  const faultless = fc.asyncProperty(
    fc.array(input, { minLength: 1, maxLength: atOnce, size: "max" }),
    async (inputs) => {
      await signIn() // a former input may have ended the session
      const complaints = await Promise.all(inputs.map(complaint))
      const first = complaints.find((_) => _ !== undefined)
      if (first !== undefined) {
        found = true
        throw new Error(first)
      }
      if (found) return // while it looks for the smallest
      sent += inputs.length
      if (sent < nextSample) return
      memory.push([sent, server.memory()])
      nextSample += Math.max(1000, runs / 50)
    }
  )
  // So many batches that the inputs suffice, and an end when they have.
  let result: fc.RunDetails<[Input[]]> | undefined
  for (let batch = 0; sent < runs && !result?.failed; batch++) {
    const wanted = Math.ceil((runs - sent) / atOnce)
    result = await fc.check(faultless, { numRuns: wanted, seed: seed + batch })
  }

  const seconds = (performance.now() - began) / 1000
  print(`${sent} inputs in ${seconds.toFixed(0)} s`)
  const half = memory.slice(Math.floor(memory.length / 2))
  const growth = slope(half) * 10_000
  print(
    `memory: ${memory[0]?.[1].toFixed(0)} MB at first, ${memory.at(-1)?.[1].toFixed(0)} MB at last, ` +
      `${growth.toFixed(2)} MB per 10,000 inputs over the second half`
  )
  if (result?.failed) {
    print(`\nFound with seed ${result.seed}: ${result.errorInstance}`)
    for (const one of result.counterexample?.[0] ?? []) print(JSON.stringify(one))
    print(server.errors())
  }
  process.exitCode = result?.failed || growth > steepest ? 1 : 0
} finally {
  agent.destroy()
  await server.stop()
  await rm(dataDir, { recursive: true, force: true })
}
