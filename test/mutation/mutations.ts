/** A way to break the service: each piece of text stands exactly once in its file, and is replaced. */
export interface Mutation {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
  /** A second place in the same file. */
  readonly also?: { readonly from: string; readonly to: string }
}

const resets = "src/sql/ResetCodesSql.ts"
const requests = "src/sql/RecoveryRequestsSql.ts"
const accounts = "src/sql/AccountRepositorySql.ts"
const sessions = "src/sql/SessionRepositorySql.ts"
const confirmations = "src/sql/ConfirmationsSql.ts"
const registrations = "src/sql/registrations.ts"
const webhooks = "src/sql/WebhookOutboxSql.ts"
const changes = "src/sql/EmailChangesSql.ts"

/** The process's time as a value of a statement. */
const processTime = `\${new Date()}`

/**
 * The reset statement, its guards, and what else keeps a former password, code or session from coming back; and what keeps an account
 * from being made for whoever doesn't read its mails.
 */
export const mutations: ReadonlyArray<Mutation> = [
  { name: "reset: the code needn't be the live one", file: resets, from: " and u.live_code = c.code_hash", to: "" },
  {
    name: "reset: a blocked account is reset",
    file: resets,
    from: "c.expires_at > now() and not u.blocked",
    to: "c.expires_at > now()"
  },
  {
    name: "reset: an expired code is taken",
    file: resets,
    from: "c.expires_at > now() and not u.blocked",
    to: "not u.blocked"
  },
  {
    name: "reset and look: expiry by the process's clock",
    file: resets,
    from: "c.expires_at <= now()",
    to: `c.expires_at <= ${processTime}`,
    also: { from: "c.expires_at > now()", to: `c.expires_at > ${processTime}` }
  },
  // Without a raised version, or with a live code, the trigger of migration 0009 would mend it, here and below: it leaves upgrades
  // of a hash alone.
  {
    name: "reset: the version isn't raised",
    file: resets,
    from: "credentials_version = u.credentials_version + 1,",
    to: "hash_upgraded_at = clock_timestamp(),"
  },
  {
    name: "reset: the live code stays",
    file: resets,
    from: "live_code = null, confirmed = true",
    to: "hash_upgraded_at = clock_timestamp(), confirmed = true"
  },
  {
    name: "reset: the code isn't marked as used",
    file: resets,
    from: "set used_at = clock_timestamp()",
    to: "set used_at = null"
  },
  {
    name: "reset: the address isn't confirmed",
    file: resets,
    from: "live_code = null, confirmed = true",
    to: "live_code = null"
  },
  {
    name: "reset: sessions go along to the new password",
    file: resets,
    from: "delete from sessions s using changed u where s.user_id = u.id",
    to: "update sessions s set credentials_version = u.version from changed u where s.user_id = u.id"
  },
  {
    name: "reset: the time of the change isn't written",
    file: resets,
    from: "password_changed_at = clock_timestamp(), updated_at = clock_timestamp()",
    to: "updated_at = clock_timestamp()"
  },
  { name: "sign-in: the version isn't compared", file: sessions, from: "and u.credentials_version = ", to: "and 0 < " },
  {
    name: "authentication: the version isn't compared",
    file: sessions,
    from: "s.credentials_version = u.credentials_version and s.expires_at > now() and not u.blocked",
    to: "s.expires_at > now() and not u.blocked"
  },
  {
    name: "change of password: the version isn't compared",
    file: accounts,
    from: `u.credentials_version = \${version} and not u.blocked\n          returning \${userOnly}`,
    to: `0 < \${version} and not u.blocked\n          returning \${userOnly}`
  },
  {
    name: "change of password: the live code stays",
    file: accounts,
    from: "live_code = null, password_changed_at",
    to: "hash_upgraded_at = clock_timestamp(), password_changed_at"
  },
  {
    name: "deletion: the version isn't compared",
    file: accounts,
    from: `u.credentials_version = \${version} and not u.blocked\n          returning u.id, u.email, u.language\n`,
    to: `0 < \${version} and not u.blocked\n          returning u.id, u.email, u.language\n`
  },
  {
    name: "upgrade of a hash: the version isn't compared",
    file: accounts,
    from: "and credentials_version = ",
    to: "and 0 < "
  },
  {
    name: "issue: the live code isn't overwritten",
    file: requests,
    from: "set live_code = i.code_hash",
    to: "set live_code = coalesce(u.live_code, i.code_hash)"
  },
  { name: "issue: the account isn't locked", file: requests, from: "\n        for no key update`)", to: "`)" },
  {
    name: "issue: requests from before the last change count",
    file: requests,
    from: "when u.password_changed_at > ",
    to: "when now() < "
  },
  {
    name: "confirmation: an expired registration becomes an account",
    file: registrations,
    from: " and c.expires_at > now() and r.confirmed_at is null",
    to: " and r.confirmed_at is null"
  },
  {
    name: "confirmation: the password of a reset isn't the account's",
    file: registrations,
    from: `coalesce(\${hash}::text, password_hash), true`,
    to: `coalesce(password_hash, \${hash}::text), true`
  },
  {
    name: "confirmation: the account isn't confirmed",
    file: registrations,
    from: "password_hash), true,",
    to: "password_hash), false,"
  },
  {
    name: "confirmation: an account is confirmed whatever its address is now",
    file: confirmations,
    from: " and u.email_key = c.email_key and",
    to: " and"
  },
  {
    name: "confirmation: a blocked account is confirmed",
    file: confirmations,
    from: "not u.confirmed and not u.blocked",
    to: "not u.confirmed"
  },
  {
    name: "confirmation: an expired code confirms an account",
    file: confirmations,
    from: "u.email_key = c.email_key and c.expires_at > now()",
    to: "u.email_key = c.email_key"
  },
  {
    name: "confirmation: a used code confirms again",
    file: confirmations,
    from: "and c.used_at is null and",
    to: "and"
  },
  {
    name: "confirmation: an account's user name is reserved once more",
    file: confirmations,
    from: "where not exists (select from users where username_key = ",
    to: "where not exists (select from users where 'nobody' = "
  },
  {
    name: "confirmation: a code is mailed to who has an account",
    file: confirmations,
    from: "when o.confirmed or",
    to: "when o.blocked and"
  },
  {
    name: "change of address: the version isn't compared when it is asked for",
    file: changes,
    from: `from users u where u.id = \${id} and u.credentials_version = \${version} and not u.blocked`,
    to: `from users u where u.id = \${id} and 0 < \${version} and not u.blocked`
  },
  {
    name: "change of address: a blocked account asks for one",
    file: changes,
    from: `and u.credentials_version = \${version} and not u.blocked`,
    to: `and u.credentials_version = \${version}`
  },
  {
    name: "change of address: the code is mailed to who has an account",
    file: changes,
    from: "on o.email_key = e.email_key and o.id <> i.user_id",
    to: "on o.email_key = '' and o.id <> i.user_id"
  },
  {
    name: "change of address: the newest code isn't the live one",
    file: changes,
    from: "set live_change = i.code_hash",
    to: "set live_change = coalesce(u.live_change, i.code_hash)"
  },
  {
    name: "change of address: the code needn't be the live one",
    file: changes,
    from: "u.id = x.user_id and u.live_change = x.code_hash\n",
    to: "u.id = x.user_id\n"
  },
  {
    name: "change of address: the version isn't compared",
    file: changes,
    from: "and u.credentials_version = x.credentials_version and x.expires_at > now()",
    to: "and x.expires_at > now()"
  },
  {
    name: "change of address: an expired code is taken",
    file: changes,
    from: "and x.expires_at > now() and not u.blocked",
    to: "and not u.blocked"
  },
  {
    name: "change of address: the live reset code stays",
    file: changes,
    from: "live_code = null, live_change = null, updated_at = clock_timestamp()\n          from email_changes",
    to: "hash_upgraded_at = clock_timestamp(), live_change = null, updated_at = clock_timestamp()\n          from email_changes"
  },
  {
    name: "way back: the account isn't locked",
    file: changes,
    from: `where f.code_hash = \${codeHash}) for update`,
    to: `where f.code_hash = \${codeHash})`
  },
  {
    name: "way back: the password goes on opening the account",
    file: changes,
    from: `confirmed = true, password_hash = \${Redacted.value(passwordHash)},`,
    to: `confirmed = true, language = coalesce(u.language, left(\${Redacted.value(passwordHash)}, 2)),`
  },
  {
    name: "way back: later ones stay open",
    file: changes,
    from: "f.id > r.way_id and",
    to: "f.id < 0 and"
  },
  {
    name: "way back: the limits of whoever had the account hold the owner's code back",
    file: changes,
    from: "using restored r where c.user_id = r.id\n",
    to: "using restored r where c.user_id = r.id and c.user_id is null\n"
  },
  {
    name: "change of address: the other sessions go along",
    file: changes,
    from: "from changed c where s.id = c.session_id and s.user_id = c.id",
    to: "from changed c where s.user_id = c.id",
    also: { from: "where s.user_id = c.id and s.id <> c.session_id", to: "where s.user_id = c.id and s.id is null" }
  },
  {
    name: "webhooks: an event doesn't wait for an older one of its account",
    file: webhooks,
    from: "e.user_id = o.user_id and e.id < o.id and e.outcome is null",
    to: "false"
  },
  {
    name: "webhooks: what was delivered is delivered again",
    file: webhooks,
    from: `set outcome = \${outcome}, settled_at = now(), leased_until = null, failure`,
    to: "set leased_until = null, failure"
  },
  {
    name: "webhooks: a receiver that wants no more is told",
    file: webhooks,
    from: "where p.stopped_receiver = ",
    to: "where p.stopped_receiver <> "
  },
  {
    name: "events: what commits late is passed over",
    file: "src/events/TrailPosition.ts",
    from: "gaps: [...known, ...fresh]",
    to: "gaps: known"
  },
  {
    name: "events: a gap is given up while what may fill it is open",
    file: "src/events/TrailPosition.ts",
    from: "oldestOpen >= until && ",
    to: ""
  }
]
