import { always, type ColumnKind, type Condition, never, type Preset } from "./Preset.ts"

/** A column of the host's that Rekey reads, or writes too. */
export interface ColumnNeed {
  readonly table: string
  readonly column: string
  readonly kind: ColumnKind
  readonly written: boolean
  /** Whether Rekey does without it where it isn't there. */
  readonly optional: boolean
}

/** The tables of which Rekey deletes rows. */
export const deletedFrom = ({ ends }: Preset): ReadonlyArray<string> => ends.map(({ table }) => table)

/** Whether SQL of the operator's says more than the preset knows: what that reads and changes nobody can tell. */
export const hasOperatorsSql = ({ accounts, blocked, confirmed, statements }: Preset): boolean =>
  statements.length > 0 ||
  [accounts, blocked, confirmed].some(
    (condition) => condition !== always && condition !== never && Object.keys(condition.reads).length === 0
  )

/** The table that has the hashes. */
export const passwordTable = ({ credentials, table }: Preset): string => credentials?.table ?? table

const readBy = (table: string, { otherwise, reads }: Condition, optional = false): ReadonlyArray<ColumnNeed> =>
  Object.entries(reads).map(([column, kind]) => ({
    table,
    column,
    kind,
    written: false,
    optional: optional || otherwise !== undefined
  }))

/** Each column that Rekey uses: nothing else of the host's is looked at or changed. */
export const columnNeeds = (preset: Preset): ReadonlyArray<ColumnNeed> => {
  const { columns, credentials, table } = preset
  const read = (of: string, column: string, kind: ColumnKind, optional = false): ColumnNeed => ({
    table: of,
    column,
    kind,
    written: false,
    optional
  })
  const written = (column: string, kind: ColumnKind, optional: boolean): ColumnNeed => ({
    table: passwordTable(preset),
    column,
    kind,
    written: true,
    optional
  })
  const all = [
    read(table, columns.id, "key"),
    read(table, columns.email, "text"),
    ...(columns.username === undefined ? [] : [read(table, columns.username, "text")]),
    written(columns.password, "text", false),
    ...(credentials === undefined
      ? []
      : [read(credentials.table, credentials.userId, "key"), ...readBy(credentials.table, credentials.only)]),
    ...[preset.accounts, preset.blocked, preset.confirmed].flatMap((condition) => readBy(table, condition)),
    ...Object.entries(preset.sets).map(([column, { kind }]) => written(column, kind, true)),
    ...preset.ends.flatMap((rows) => [
      read(rows.table, rows.userId, "key", true),
      ...readBy(rows.table, rows.only, true)
    ])
  ]
  return all.filter((one, at) => all.findIndex((_) => _.table === one.table && _.column === one.column) === at)
}
