import { Effect, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { columnNeeds, deletedFrom, hasOperatorsSql } from "../presets/needs.ts"
import type { ColumnKind, Preset } from "../presets/Preset.ts"
import { type FoundColumns, usersQuery } from "./HostStatements.ts"
import { allRows, firstRow } from "./Rows.ts"

/** The schema that Rekey has to itself in a host's database. */
export const ourSchema = "rekey"

const ColumnRow = Schema.Struct({
  table: Schema.String,
  column: Schema.String,
  /** None where the column isn't there. */
  type: Schema.NullOr(Schema.String),
  category: Schema.NullOr(Schema.String),
  mayRead: Schema.NullOr(Schema.Boolean),
  mayUpdate: Schema.NullOr(Schema.Boolean)
})
const columnRows = allRows(ColumnRow)

const TableRow = Schema.Struct({
  table: Schema.String,
  isThere: Schema.Boolean,
  isOurs: Schema.NullOr(Schema.Boolean),
  /** Of the rights to rows as a whole those that our role has. */
  rights: Schema.Array(Schema.String),
  /** Columns that our role may read, and update. */
  readable: Schema.Array(Schema.String),
  updatable: Schema.Array(Schema.String),
  /** Whether PostgreSQL shows most roles only rows that a policy lets them see, ours among them, and whether there is any. */
  isProtected: Schema.NullOr(Schema.Boolean),
  isGuarded: Schema.NullOr(Schema.Boolean),
  hasPolicies: Schema.Boolean
})
const tableRows = allRows(TableRow)

const OurRow = Schema.Struct({
  role: Schema.String,
  isSuperuser: Schema.Boolean,
  database: Schema.String,
  /** The schema in which our connections look for tables. */
  path: Schema.NullOr(Schema.String),
  hasSchema: Schema.Boolean,
  mayMakeSchema: Schema.Boolean,
  mayUseHosts: Schema.Boolean,
  /** What the role may do beside what it is granted. */
  attributes: Schema.Array(Schema.String),
  /** Other tables of the host's schema of which it may read or change something. */
  otherTables: Schema.Array(Schema.String)
})
const ourRow = firstRow(OurRow)
type Us = typeof OurRow.Type

/** What the categories of a kind's types are (`pg_type.typcategory`). */
const kinds: Readonly<Record<ColumnKind, { readonly categories: string; readonly words: string }>> = {
  key: { categories: "NSU", words: "a number, a uuid or a text" },
  text: { categories: "S", words: "a text" },
  boolean: { categories: "B", words: "a boolean" },
  time: { categories: "D", words: "a date or a time" }
}

/** What was found of a host's tables and of our role. */
export interface HostExamination extends Us {
  readonly found: FoundColumns
  /** A line for each thing that keeps Rekey from working. */
  readonly problems: ReadonlyArray<string>
  /** A line for each thing that our role might do and needn't. */
  readonly excess: ReadonlyArray<string>
  /** Tables and columns that the host hasn't got, and Rekey does without. */
  readonly absent: ReadonlyArray<string>
  /** Tables with row-level security. */
  readonly protectedTables: ReadonlyArray<string>
}

/** Asks the catalogue alone. */
export const examineHost = Effect.fn("HostExamination.examine")(function* (preset: Preset) {
  const sql = yield* SqlClient.SqlClient
  const needs = columnNeeds(preset)
  const tableNames = JSON.stringify([...new Set(needs.map(({ table }) => table))])
  const us = Option.getOrThrow(
    yield* ourRow(sql`
      select current_user::text as role, current_database()::text as database, current_schema()::text as path,
        coalesce((select rolsuper from pg_roles where rolname = current_user), false) as is_superuser,
        exists (select from pg_namespace where nspname = ${ourSchema}) as has_schema,
        has_database_privilege(current_database(), 'create') as may_make_schema,
        coalesce((select has_schema_privilege(oid, 'usage') from pg_namespace where nspname = ${preset.schema}), true) as may_use_hosts,
        array(select word from pg_roles cross join lateral (values (rolcreaterole, 'make roles'), (rolcreatedb, 'make databases'),
            (rolbypassrls, 'see past row-level security'), (rolreplication, 'replicate')) as a (given, word)
          where rolname = current_user and given) as attributes,
        array(select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname = ${preset.schema} and c.relkind in ('r', 'p')
            and c.relname not in (select json_array_elements_text(${tableNames}::text::json))
            and (has_any_column_privilege(c.oid, 'select, insert, update') or has_table_privilege(c.oid, 'delete, truncate'))
          order by c.relname) as other_tables`)
  )
  const columns = yield* columnRows(sql`
    select n.table, n.column, format_type(a.atttypid, -1) as type, t.typcategory::text as category,
      has_column_privilege(c.oid, a.attnum, 'select') as may_read, has_column_privilege(c.oid, a.attnum, 'update') as may_update
    from json_to_recordset(${JSON.stringify(needs)}::text::json) as n ("table" text, "column" text)
      left join pg_namespace s on s.nspname = ${preset.schema}
      left join pg_class c on c.relnamespace = s.oid and c.relname = n.table and c.relkind in ('r', 'p')
      left join pg_attribute a on a.attrelid = c.oid and a.attname = n.column and a.attnum > 0 and not a.attisdropped
      left join pg_type t on t.oid = a.atttypid`)
  const tables = yield* tableRows(sql`
    select n.name as table, c.oid is not null as is_there, pg_has_role(c.relowner, 'usage') as is_ours,
      array(select p from unnest(array['insert', 'delete', 'truncate']) p where has_table_privilege(c.oid, p)) as rights,
      array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        and has_column_privilege(c.oid, a.attnum, 'select')) as readable,
      array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        and has_column_privilege(c.oid, a.attnum, 'update')) as updatable,
      c.relrowsecurity as is_protected, row_security_active(c.oid) as is_guarded, exists (select from pg_policy p where p.polrelid = c.oid) as has_policies
    from json_array_elements_text(${tableNames}::text::json) as n (name)
      left join pg_namespace s on s.nspname = ${preset.schema}
      left join pg_class c on c.relnamespace = s.oid and c.relname = n.name and c.relkind in ('r', 'p')`)
  const types = new Map(columns.map(({ column, table, type }) => [`${table}.${column}`, type ?? undefined]))
  const examination: HostExamination = {
    ...us,
    found: { typeOf: (table, column) => types.get(`${table}.${column}`) },
    ...judged(preset, us, tables, columns),
    protectedTables: tables.flatMap(({ isProtected, table }) => (isProtected === true ? [table] : []))
  }
  return examination
})

const judged = (
  preset: Preset,
  us: Us,
  tables: ReadonlyArray<typeof TableRow.Type>,
  columns: ReadonlyArray<typeof ColumnRow.Type>
) => {
  const needs = columnNeeds(preset)
  const problems: Array<string> = []
  const excess: Array<string> = []
  const absent: Array<string> = []
  const lacks = (right: string, thing: string) =>
    problems.push(`The role ${us.role} may not ${right} ${thing}: "rekey grants" prints what it needs.`)
  if (!us.mayUseHosts) lacks("use the schema", preset.schema)
  const knowsAll = !hasOperatorsSql(preset)
  if (!us.isSuperuser) {
    if (us.attributes.length > 0) excess.push(`The role ${us.role} may ${us.attributes.join(", ")}.`)
    const [first, ...others] = us.otherTables
    if (knowsAll && first !== undefined) {
      excess.push(
        `The role ${us.role} has rights to ${preset.schema}.${first}${others.length > 0 ? ` and ${others.length} more tables there` : ""}, which Rekey doesn't use.`
      )
    }
  }

  for (const { hasPolicies, isGuarded, isOurs, isThere, readable, rights, table, updatable } of tables) {
    const name = `${preset.schema}.${table}`
    const its = needs.filter((need) => need.table === table)
    if (!isThere) {
      if (its.every(({ optional }) => optional)) absent.push(name)
      else problems.push(`There is no table ${name}: is it another preset's, or what USERS_TABLE should name?`)
      continue
    }
    const deletes = deletedFrom(preset).includes(table)
    if (deletes && !rights.includes("delete")) lacks("delete rows of", name)
    if (isGuarded === true && !hasPolicies) {
      problems.push(`Row-level security hides ${name} from the role ${us.role}: "rekey grants" prints policies.`)
    }
    const more = [
      ...(knowsAll && readable.some((column) => !its.some((need) => need.column === column)) ? ["read"] : []),
      ...rights.filter((right) => right !== "delete" || !deletes),
      ...(updatable.some((column) => !its.some((need) => need.column === column && need.written)) ? ["update"] : [])
    ]
    if (more.length > 0 && !us.isSuperuser) {
      excess.push(
        isOurs === true
          ? `The role ${us.role} owns ${name}.`
          : `The role ${us.role} may ${more.join(", ")} more of ${name} than Rekey needs.`
      )
    }
  }

  for (const { category, column, mayRead, mayUpdate, table, type } of columns) {
    const name = `${preset.schema}.${table}.${column}`
    const need = needs.find((_) => _.table === table && _.column === column)
    if (need === undefined || !tables.some((_) => _.table === table && _.isThere)) continue
    if (type === null || category === null) {
      if (need.optional) absent.push(name)
      else problems.push(`There is no column ${name}: is it another preset's, or what USERS_COLUMNS should name?`)
    } else if (!kinds[need.kind].categories.includes(category)) {
      problems.push(`The column ${name} is of type ${type}: it should be ${kinds[need.kind].words}.`)
    } else {
      if (mayRead !== true) lacks("read", name)
      if (need.written && mayUpdate !== true) lacks("update", name)
    }
  }
  return { problems, excess, absent }
}

/** By which columns a user is looked up without an index: `email`, `username`. */
export const examineLookUps = Effect.fn("HostExamination.lookUps")(
  function* (preset: Preset, found: FoundColumns) {
    const sql = yield* SqlClient.SqlClient
    const users = usersQuery(preset, found)
    // So that an index is used wherever there is one, however small the table is.
    yield* sql`set local enable_seqscan = off`
    const readsAll = Effect.fnUntraced(function* (key: string) {
      const plan = yield* sql.unsafe<{ readonly queryPlan: string }>(
        `explain select from (${users}) h where h.${key} = ''`
      )
      return plan.some((row) => Object.values(row).some((line) => /Seq Scan on \w+ u\b/.test(line)))
    })
    return [
      ...((yield* readsAll("email_key")) ? [preset.columns.email] : []),
      ...(preset.columns.username !== undefined && (yield* readsAll("username_key")) ? [preset.columns.username] : [])
    ]
  },
  (effect) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(effect))
)

const sharedRows = allRows(Schema.Struct({ emailKey: Schema.String, users: Schema.Array(Schema.String) }))
const countRow = firstRow(Schema.Struct({ shared: Schema.Int, unusable: Schema.Int, accounts: Schema.Int }))

/** How many of what makes users unknown to Rekey are told one by one. */
const told = 5

/** Of the host's users those that Rekey can't tell apart by address, and those who have none that it can write to. Reads them all. */
export const examineAddresses = Effect.fn("HostExamination.addresses")(function* (preset: Preset, found: FoundColumns) {
  const sql = yield* SqlClient.SqlClient
  const users = sql.literal(`(${usersQuery(preset, found)})`)
  const shared = yield* sharedRows(sql`
    select h.email_key, array_agg(h.host_id order by h.host_id) as users from ${users} h where h.email_key is not null
    group by h.email_key having count(*) > 1 order by h.email_key limit ${told}::int`)
  const count = yield* countRow(sql`
    select count(*)::int as accounts, count(*) filter (where email is null or email !~ '^[!-?A-~]{1,64}@[-a-zA-Z0-9.]{1,253}$')::int as unusable,
      (select count(*)::int from (select from ${users} k where k.email_key is not null group by k.email_key having count(*) > 1) s) as shared
    from ${users} h`)
  return { ...Option.getOrThrow(count), examples: shared }
})
