import { passwordTable } from "../presets/needs.ts"
import type { Belongings, Condition, Preset } from "../presets/Preset.ts"

/** What the database has of the columns that a preset names. */
export interface FoundColumns {
  /** The type of a column, as `format_type` spells it; none where it isn't there. */
  readonly typeOf: (table: string, column: string) => string | undefined
}

/** A name as SQL has to have it, whatever is in it. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
const text = (value: string): string => `'${value.replaceAll("'", "''")}'`

/** A table of the host's, as SQL names it. */
export const tableName = ({ schema }: Preset, table: string): string => `${quoted(schema)}.${quoted(table)}`

/** The fingerprint of a hash: all that is kept of it in our tables. */
export const fingerprint = (hash: string): string => `'sha256:' || encode(sha256(convert_to(${hash}, 'UTF8')), 'hex')`

/** The condition, or what stands in for it. NULL, as of a column that may be empty, is false. */
const holds = ({ typeOf }: FoundColumns, table: string, { otherwise, reads, sql }: Condition): string =>
  otherwise !== undefined && Object.keys(reads).some((column) => typeOf(table, column) === undefined)
    ? otherwise
    : `coalesce((${sql}), false)`

/** The user's key, given as text by `value`, as a column has it: so that its index is of use. */
const keyAs = ({ typeOf }: FoundColumns, table: string, column: string, value: string): string =>
  `(${value})::${typeOf(table, column) ?? "text"}`

/** The host's users with a password as `u`, and as `c` the row with the hash. */
const joined = (preset: Preset, found: FoundColumns) => {
  const { accounts, columns, credentials, table } = preset
  const hash = `${credentials === undefined ? "u" : "c"}.${quoted(columns.password)}::text`
  const from =
    credentials === undefined
      ? `${tableName(preset, table)} u`
      : `${tableName(preset, table)} u join ${tableName(preset, credentials.table)} c on c.${quoted(credentials.userId)} = u.${quoted(columns.id)} and ${holds(found, credentials.table, credentials.only)}`
  const where = [
    `${hash} <> ''`, // nor NULL
    ...preset.noPassword.map((pattern) => `${hash} not like ${text(pattern)}`),
    holds(found, table, accounts)
  ].join(" and ")
  return { hash, from, where, locked: credentials === undefined ? "u" : "c" }
}

/**
 * A query of the host's users. Addresses are folded as ours are: in C, since a locale would fold more than ASCII (A4). An index on the
 * same expression serves the look-up.
 */
export const usersQuery = (preset: Preset, found: FoundColumns): string => {
  const { blocked, columns, confirmed, table } = preset
  const { from, hash, where } = joined(preset, found)
  const username = columns.username === undefined ? undefined : `u.${quoted(columns.username)}`
  return `select u.${quoted(columns.id)} as key, u.${quoted(columns.id)}::text as host_id,
    ${username === undefined ? `u.${quoted(columns.email)}::text` : `${username}::text`} as username,
    ${username === undefined ? "null::text" : folded(username)} as username_key,
    u.${quoted(columns.email)}::text as email, ${folded(`u.${quoted(columns.email)}`)} as email_key,
    ${hash} as password_hash, ${fingerprint(hash)} as fingerprint,
    ${holds(found, table, blocked)} as blocked, ${holds(found, table, confirmed)} as confirmed
    from ${from} where ${where}`
}

/** As an index on the host's table has to say it. */
export const folded = (column: string): string => `lower(${column}::text collate "C")`

/** The type of the users' key. */
export const keyType = (preset: Preset, found: FoundColumns): string =>
  found.typeOf(preset.table, preset.columns.id) ?? "text"

/** The row of a user in the table with the hashes. */
const passwordRow = (preset: Preset, found: FoundColumns, id: string): string => {
  const { columns, credentials, table } = preset
  return credentials === undefined
    ? `u.${quoted(columns.id)} = ${keyAs(found, table, columns.id, id)}`
    : `c.${quoted(credentials.userId)} = ${keyAs(found, credentials.table, credentials.userId, id)} and ${holds(found, credentials.table, credentials.only)}`
}

const deletion = (preset: Preset, found: FoundColumns, { only, table, userId }: Belongings): string =>
  `delete from ${tableName(preset, table)} s where s.${quoted(userId)} = ${keyAs(found, table, userId, "new.host_id")} and ${holds(found, table, only)};`

/** Not the second half of a cast. */
const idPlaces = /(?<!:):id\b/g

const isThere = (found: FoundColumns, table: string, column: string) => found.typeOf(table, column) !== undefined

/**
 * What a new password of a shadow does, before it is written there. The shadow is locked by then, and so is the host's row next: of all
 * that write here each locks in this order, and the host knows the second row alone. A row that isn't as the shadow has it was changed by the host
 * meanwhile: then nothing happens, as if another reset had been quicker (B1, B4). The host's triggers find its own schema.
 */
export const writingFunction = (preset: Preset, found: FoundColumns): string => {
  const { blocked, columns, table } = preset
  const { from, hash, locked, where } = joined(preset, found)
  const sets = Object.entries(preset.sets)
    .filter(([column]) => isThere(found, passwordTable(preset), column))
    .map(([column, { sql }]) => `, ${quoted(column)} = ${sql}`)
  const ends = preset.ends
    .filter((rows) => isThere(found, rows.table, rows.userId))
    .map((rows) => deletion(preset, found, rows))
  const statements = preset.statements.map(
    (statement) => `${statement.replace(idPlaces, keyAs(found, preset.table, preset.columns.id, "new.host_id"))};`
  )
  return `
#variable_conflict use_column
declare
  rekey_host record;
begin
  select ${fingerprint(hash)} as fingerprint, u.${quoted(columns.email)}::text as email, ${holds(found, table, blocked)} as blocked
    into rekey_host from ${from}
    where ${where} and u.${quoted(columns.id)} = ${keyAs(found, preset.table, preset.columns.id, "new.host_id")} for no key update of ${locked};
  if rekey_host.fingerprint is distinct from old.password_hash or rekey_host.email is distinct from old.email or rekey_host.blocked then
    return null;
  end if;
  update ${tableName(preset, passwordTable(preset))} ${locked} set ${quoted(columns.password)} = new.password_hash${sets.join("")}
    where ${passwordRow(preset, found, "new.host_id")};
  if not found then
    return null;
  end if;
  ${[...ends, ...statements].join("\n  ")}
  new.password_hash := ${fingerprint("new.password_hash")};
  new.confirmed := old.confirmed; -- whether an address is the owner's is the host's to say
  return new;
end`
}
