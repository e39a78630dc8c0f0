/** The statements whose plans the bench looks at, each by some of its text. What isn't found any more stops the bench. */
export const named: Readonly<Record<string, string>> = {
  "look a code up": "from reset_codes c join users u on",
  "reset: hash, code, sessions, trail, notice": "with changed as",
  "forgot: write the request down":
    "insert into recovery_requests (email_key, request_id, client_address, device, language) values",
  "worker: take the requests of an address": "with head as ( select email_key from recovery_requests",
  "worker: lock the account": "for no key update",
  "worker: issue a code, queue its mail": "with recent as ( select issued_at from reset_codes",
  "worker: claim mails": "with due as",
  "worker: settle mails": "with ended as ( select id, outcome",
  "sign in: find the account": "as password_hash, u.credentials_version as version from users u where",
  "sign in: open a session": "with opened as",
  "trail: refusals":
    "insert into audit (at, event, outcome, reason, actor, user_id, request_id, client_address, device) select clock_timestamp()",
  "limits: count": "insert into rate_limits as r",
  "clean up reset_codes": "delete from reset_codes t",
  "clean up recovery_requests": "delete from recovery_requests t",
  "clean up registrations": "delete from registrations t",
  "clean up confirmation_codes": "delete from confirmation_codes t",
  "clean up confirmation_requests": "delete from confirmation_requests t",
  "clean up outbox": "delete from outbox t",
  "clean up sessions": "with old as materialized ( select id from sessions",
  "clean up sessions of former passwords": "with page as materialized",
  "clean up rate_limits": "delete from rate_limits t",
  "clean up audit": "delete from audit t"
}

export const statementNames: ReadonlyArray<string> = Object.keys(named)

/** What people call a statement, else the beginning of its text: that of a foreign key, or a small one. */
export const nameOf = (text: string): string => {
  const line = text.replaceAll(/\s+/g, " ").trim()
  const found = Object.entries(named).find(([, part]) => line.includes(part))
  return found?.[0] ?? (line.length > 70 ? `${line.slice(0, 69)}…` : line)
}
