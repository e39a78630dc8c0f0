import { Redacted } from "effect"
import type { SqlClient } from "effect/sql"
import type { Trace } from "../domain/Origin.ts"
import type { PasswordHash } from "../domain/Password.ts"
import type { Language } from "../language/Language.ts"
import { isKeptFor, openWayBack } from "./formerEmails.ts"
import { userColumns } from "./Rows.ts"

/**
 * Makes an account of a registration, by a code of its: one statement, and the registration's row its contended lock. Of many at once
 * with its codes the losers wait for it and find it confirmed. Where another registration of the address was quicker, or another
 * program took the name or the address, the unique keys of `users` decide, and there is no row. With `passwordHash` the code was
 * used to reset a password that was forgotten before the address was confirmed: the account gets the new one, and a notice.
 */
export const makeAccountOf = (
  sql: SqlClient.SqlClient,
  codeHash: Uint8Array,
  { clientAddress, device, language, requestId }: Trace & { readonly language: Language | null },
  passwordHash: PasswordHash | null
) => {
  const hash = passwordHash && Redacted.value(passwordHash)
  return sql`
    with registration as (
      select r.* from confirmation_codes c join registrations r on r.id = c.account_id
      where c.code_hash = ${codeHash}::bytea and c.expires_at > now() and r.confirmed_at is null
        and not ${isKeptFor(sql, { column: "r.email_key", account: "r.id" })}
      for update of r
    ), born as (
      insert into users as u (id, username, username_key, email, email_key, password_hash, confirmed, language)
      select id, username, username_key, email, email_key, coalesce(${hash}::text, password_hash), true,
        coalesce(language, ${language}::text)
      from registration
      on conflict do nothing
      returning ${sql.literal(userColumns)}, u.credentials_version as version, u.language
    ), confirmed as (
      update registrations r set confirmed_at = clock_timestamp(), password_hash = null from born where r.id = born.id
    ), consumed as (
      update confirmation_codes c set used_at = clock_timestamp() from born where c.code_hash = ${codeHash}::bytea
    ), trail as (
      insert into audit (event, outcome, actor, user_id, request_id, client_address, device)
      select event, 'done', 'owner', id, ${requestId}, ${clientAddress}, ${device}
      from born, unnest(array['account.registered', 'email.confirmed', 'password.reset']) with ordinality as events (event, number)
      where event <> 'password.reset' or ${hash}::text is not null
      order by number
    ), notice as (
      insert into outbox (kind, recipient, user_id, details, request_id, language)
      select 'password-reset', email, id,
        jsonb_build_object('device', ${device}::text, 'clientAddress', ${clientAddress}::text), ${requestId}, language
      from born where ${hash}::text is not null
    )
    select * from born`
}

/** What there is against making an account of the registration `r`, by its code `c`, with `Live` where nothing is. */
export const stateOfRegistration = `
  case
    when c.used_at is not null or r.confirmed_at is not null then 'Used'
    when c.expires_at <= now() then 'Expired'
    when exists (select from users u where u.email_key = r.email_key or u.username_key = r.username_key)
      or exists (select from former_emails f where f.email_key = r.email_key and f.user_id <> r.id and ${openWayBack}) then 'Taken'
    else 'Live'
  end`
