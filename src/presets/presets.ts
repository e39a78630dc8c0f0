import { Result } from "effect"
import { betterAuth } from "./betterAuth.ts"
import { custom } from "./custom.ts"
import { devise } from "./devise.ts"
import { django } from "./django.ts"
import { laravel } from "./laravel.ts"
import type { Preset } from "./Preset.ts"
import { strapi } from "./strapi.ts"
import { supabase } from "./supabase.ts"

/** Each preset by the name that `USERS_PRESET` has for it. */
export const presets = { django, strapi, devise, laravel, "better-auth": betterAuth, supabase, custom }

export type PresetName = keyof typeof presets

/** `table`, or `schema.table`: then all of the host's tables are there. */
export const withTable = (preset: Preset, name: string): Preset => {
  const [table = "", ...schema] = name.split(".").reverse()
  return { ...preset, table, schema: schema[0] ?? preset.schema }
}

export type Columns = Partial<Record<keyof Preset["columns"], string>>

const columnNames = ["id", "email", "username", "password"] as const

const isColumn = (name: string): name is keyof Columns => columnNames.some((one) => one === name)

/** `email=mail,username=`: what of ours is which column; a user name of none isn't there. Undefined where it says something else. */
export const columnsIn = (text: string): Columns | undefined => {
  const pairs = text.split(",").map((pair) => pair.split("=").map((part) => part.trim()))
  const columns: Columns = {}
  for (const [ours = "", theirs, ...more] of pairs) {
    if (!isColumn(ours) || theirs === undefined || more.length > 0 || (theirs === "" && ours !== "username")) return
    columns[ours] = theirs
  }
  return columns
}

export const withColumns = (preset: Preset, { username, ...others }: Columns): Preset => {
  const { username: usual, ...columns } = { ...preset.columns, ...others }
  const kept = username ?? usual
  return { ...preset, columns: kept === undefined || kept === "" ? columns : { ...columns, username: kept } }
}

/** SQL of the operator's, by what it is for. */
export interface OperatorsSql {
  readonly accounts?: string
  readonly blocked?: string
  readonly confirmed?: string
  readonly statements: ReadonlyArray<string>
}

const conditionNames = ["accounts", "blocked", "confirmed"] as const
const statementName = "new password"

/** A file of SQL in parts, each below a line such as `-- name: blocked`; a failure says what it should be. */
export const sqlIn = (file: string): Result.Result<OperatorsSql, string> => {
  const [preamble = "", ...parts] = file.split(/^-- *name: */m)
  if (parts.length === 0 || preamble.replace(/^--.*$/gm, "").trim() !== "") {
    return Result.fail('it should begin with a line such as "-- name: new password"')
  }
  const conditions: { [name in (typeof conditionNames)[number]]?: string } = {}
  const statements: Array<string> = []
  for (const part of parts) {
    const [name = "", ...lines] = part.split("\n")
    const sql = lines.join("\n").trim().replace(/;$/, "")
    const condition = conditionNames.find((one) => one === name.trim())
    if (condition === undefined && name.trim() !== statementName) {
      return Result.fail(`"${name.trim()}" isn't ${conditionNames.join(", ")} or ${statementName}`)
    }
    if (sql === "" || sql.includes(";")) return Result.fail(`"${name.trim()}" should be one piece of SQL`)
    if (condition === undefined) statements.push(sql)
    else conditions[condition] = sql
  }
  return Result.succeed({ ...conditions, statements })
}

export const withSql = (preset: Preset, { statements, ...conditions }: OperatorsSql): Preset => ({
  ...preset,
  ...Object.fromEntries(Object.entries(conditions).map(([name, sql]) => [name, { sql, reads: {} }])),
  statements
})
