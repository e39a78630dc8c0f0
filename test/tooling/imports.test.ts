import { execFile } from "node:child_process"
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

const project = fileURLToPath(new URL("../../", import.meta.url))

/** What each folder of src may import of ours (CONTRIBUTING.md). */
const mayImport: Readonly<Record<string, ReadonlyArray<string>>> = {
  domain: [],
  markup: [],
  language: [],
  background: ["domain"],
  trail: ["domain", "background"],
  events: ["domain", "background", "trail"],
  secrets: ["domain"],
  passwords: ["domain", "secrets"],
  presets: ["domain", "passwords"],
  mail: ["domain", "background", "secrets", "markup", "language"],
  accounts: ["domain", "background", "trail", "secrets", "passwords", "mail", "language"],
  recovery: ["domain", "background", "trail", "secrets", "passwords", "mail", "accounts", "language"],
  sql: ["domain", "background", "trail", "events", "secrets", "accounts", "recovery", "mail", "presets", "language"],
  api: ["domain", "language"],
  client: [],
  http: ["api", "domain", "events", "accounts", "recovery", "mail", "passwords", "secrets", "markup", "language"],
  cli: ["api", "domain", "accounts", "recovery", "trail", "events", "mail", "passwords", "presets", "secrets", "sql"]
}

/** Which files beside the folders a folder may import. */
const topLevel: Readonly<Record<string, ReadonlyArray<string>>> = { cli: ["server", "settings"] }
const folders = Object.keys(mayImport)
/** Those that may import `effect`. */
const withEffect = folders.filter((folder) => folder !== "client")

/** Packages that are refused in a folder, by the folders that may have them. */
const packages: Readonly<Record<string, ReadonlyArray<string>>> = {
  effect: withEffect,
  "effect/crypto": withEffect,
  "node:fs": ["secrets", "passwords", "mail", "sql", "http", "cli"],
  "node:fs/promises": ["secrets", "passwords", "mail", "sql", "http", "cli"],
  "@effect/platform-node": ["sql", "http", "cli"],
  "@effect/platform-node/NodeHttpServer": ["sql", "http", "cli"],
  "@effect/sql-pg": ["sql"],
  "@effect/sql-pg/PgClient": ["sql"],
  "effect/sql": ["sql", "cli"],
  "effect/sql/SqlClient": ["sql", "cli"],
  "effect/cli": withEffect,
  "effect/http": ["api", "http"],
  "effect/http/HttpClient": ["events", "passwords", "api", "http"],
  "effect/http/HttpServer": ["api", "http"],
  "effect/http-api": ["api", "http", "cli"],
  "effect/http-api/HttpApi": ["api", "http", "cli"],
  "@rekey/server": []
}

/** A file, the module that it imports, and whether it may. */
type Case = readonly [file: string, statement: string, allowed: boolean]

const cases: ReadonlyArray<Case> = [
  ...folders.flatMap((folder) => [
    ...folders
      .filter((other) => other !== folder)
      .map((other): Case => [folder, `import "../${other}/Thing.ts"`, mayImport[folder]?.includes(other) === true]),
    ...Object.entries(packages).map(([name, holders]): Case => [folder, `import "${name}"`, holders.includes(folder)]),
    ...["main", "index", "server", "settings"].map(
      (name): Case => [folder, `import "../${name}.ts"`, topLevel[folder]?.includes(name) === true]
    ),
    [folder, `import "../later/Thing.ts"`, false] as const,
    [folder, `import "./Thing.ts"`, true] as const
  ]),
  // However it is written.
  ["domain", `import type { Thing } from "../sql/Thing.ts"\nexport type Other = Thing`, false],
  ["domain", `export { Thing } from "../sql/Thing.ts"`, false],
  ["domain", `export * from "../sql/Thing.ts"`, false],
  ["domain", `export const load = () => import("../sql/Thing.ts")`, false],
  ["domain", `import "./../sql/Thing.ts"`, false],
  ["domain", `import "./part/../../sql/Thing.ts"`, false],
  ["http", `import "../domain/../sql/Thing.ts"`, false],
  // From a folder within a folder.
  ["http/pages", `import "../Thing.ts"`, true],
  ...folders
    .filter((other) => other !== "http")
    .map((other): Case => ["http/pages", `import "../../${other}/Thing.ts"`, mayImport.http?.includes(other) === true]),
  ["http/pages", `import "../../main.ts"`, false],
  ["http/pages", `import "../pages/../../sql/Thing.ts"`, false],
  ["http/pages", `import "effect/sql"`, false],
  ["domain/part", `import "../../sql/Thing.ts"`, false],
  ["mail/Mailer.ts", `import "node:fs"`, false],
  ["mail/Outbox.ts", `import "node:fs"`, false],
  ...["main.ts", "index.ts", "settings.ts"].map((file): Case => {
    const names = [...folders.map((folder) => `./${folder}/Thing.ts`), ...Object.keys(packages)]
    return [file, names.map((name) => `import "${name}"`).join("\n"), true]
  })
]

interface Finding {
  readonly category: string
  readonly location: { readonly path: string }
}

/** What Biome, with our configuration, says of a tree of files. */
const lint = async (files: ReadonlyMap<string, string>): Promise<ReadonlyArray<Finding>> => {
  const folder = await mkdtemp(join(tmpdir(), "rekey-imports-"))
  try {
    await Promise.all(["biome.jsonc", ".gitignore"].map((name) => copyFile(join(project, name), join(folder, name))))
    for (const [file, text] of files) {
      await mkdir(dirname(join(folder, file)), { recursive: true })
      await writeFile(join(folder, file), text)
    }
    const report = await new Promise<string>((resolve) =>
      execFile(
        join(project, "node_modules", ".bin", "biome"),
        ["lint", "--reporter=json", "--max-diagnostics=none"],
        { cwd: folder, maxBuffer: 1e8 },
        (_, stdout) => resolve(stdout)
      )
    )
    const { diagnostics }: { readonly diagnostics: ReadonlyArray<Finding> } = JSON.parse(report)
    return diagnostics
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

describe("the linter", () => {
  it.effect("lets each folder of src import what its place in the house allows, and nothing else", () =>
    Effect.gen(function* () {
      const trees = cases.map(([place, statement, allowed], number) => ({
        file: place.endsWith(".ts") ? `src/${place}` : `src/${place}/Case${number}.ts`,
        statement,
        allowed
      }))
      const findings = yield* Effect.promise(() => lint(new Map(trees.map((_) => [_.file, _.statement]))))
      const refused = new Set(
        findings
          .filter(({ category }) => /\/(noRestrictedImports|noNodejsModules)$/.test(category))
          .map(({ location }) => location.path)
      )
      const misjudged = trees.filter(({ allowed, file }) => allowed === refused.has(file))
      assert.deepStrictEqual(misjudged, [])
    })
  )

  it.effect("refuses imports in a circle, any, unused names and promises that nobody waits for", () =>
    Effect.gen(function* () {
      const findings = yield* Effect.promise(() =>
        lint(
          new Map([
            ["src/domain/Hen.ts", 'import { egg } from "./Egg.ts"\nexport const hen = () => egg'],
            ["src/domain/Egg.ts", 'import { hen } from "./Hen.ts"\nexport const egg = () => hen'],
            ["src/domain/Any.ts", "export const anything = (value: any) => value"],
            ["src/domain/Unused.ts", "const nobody = 1\nexport {}"],
            ["src/domain/Lost.ts", "const later = async () => {}\nexport const start = () => {\n  later()\n}"]
          ])
        )
      )
      const rules = findings.map(({ category, location }) => `${location.path} ${category.split("/").at(-1)}`)
      assert.deepStrictEqual(rules.sort(), [
        "src/domain/Any.ts noExplicitAny",
        "src/domain/Egg.ts noImportCycles",
        "src/domain/Hen.ts noImportCycles",
        "src/domain/Lost.ts noFloatingPromises",
        "src/domain/Unused.ts noUnusedVariables"
      ])
    })
  )
})
