import { columnNeeds, deletedFrom } from "../presets/needs.ts"
import type { Preset } from "../presets/Preset.ts"
import { type HostExamination, ourSchema } from "./HostExamination.ts"
import { folded, quoted, tableName } from "./HostStatements.ts"

/** Statements that give a role all that Rekey needs of a host's tables, and nothing else there. They may be run again. */
export const hostGrants = (
  preset: Preset,
  { database, found, protectedTables }: HostExamination,
  role: string
): ReadonlyArray<string> => {
  const to = quoted(role)
  const needs = columnNeeds(preset).filter(({ column, table }) => found.typeOf(table, column) !== undefined)
  const tables = [...new Set(needs.map(({ table }) => table))]
  const rightsTo = (table: string): string => {
    const its = needs.filter((need) => need.table === table)
    const listed = (columns: typeof its) => columns.map(({ column }) => quoted(column)).join(", ")
    const written = its.filter((need) => need.written)
    return [
      `select (${listed(its)})`,
      ...(written.length > 0 ? [`update (${listed(written)})`] : []),
      ...(deletedFrom(preset).includes(table) ? ["delete"] : [])
    ].join(", ")
  }
  const { columns, table } = preset
  const lookedUp = [columns.email, ...(columns.username === undefined ? [] : [columns.username])]
  return [
    `do $$ begin if not exists (select from pg_roles where rolname = '${role.replaceAll("'", "''")}') then create role ${to} login; end if; end $$`,
    `grant connect on database ${quoted(database)} to ${to}`,
    // What a pooler needs, and psql.
    `alter role ${to} in database ${quoted(database)} set search_path = ${ourSchema}`,
    `create schema if not exists ${ourSchema} authorization ${to}`,
    `grant usage on schema ${quoted(preset.schema)} to ${to}`,
    ...tables.map((table) => `grant ${rightsTo(table)} on ${tableName(preset, table)} to ${to}`),
    ...tables
      .filter((table) => protectedTables.includes(table))
      .flatMap((table) => [
        `drop policy if exists rekey on ${tableName(preset, table)}`,
        `create policy rekey on ${tableName(preset, table)} to ${to} using (true)`
      ]),
    // Else the whole table is read for each address that is asked for.
    ...lookedUp.map(
      (column) =>
        `create index concurrently if not exists ${quoted(`rekey_${table}_${column}`)} on ${tableName(preset, table)} (${folded(quoted(column))})`
    )
  ]
}
