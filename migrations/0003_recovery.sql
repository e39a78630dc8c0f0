-- What somebody asked for, written down without a look at users: known and unknown addresses cost the same (C1).
create table recovery_requests (
  id bigint generated always as identity primary key,
  email_key text not null,
  asked_at timestamptz not null default clock_timestamp()
);

create index recovery_requests_by_email on recovery_requests (email_key);

-- Every code that was issued, by SHA-256: a dump of this table opens nothing (D5). Whether a code is live stands in its
-- account's row, so that nothing here guards a race.
create table reset_codes (
  code_hash bytea primary key check (octet_length(code_hash) = 32),
  user_id uuid not null references users on delete cascade,
  issued_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null, -- never missing, so no code lives for ever (B5)
  used_at timestamptz
);

-- The cooldown and the hourly cap look an account's latest codes up.
create index reset_codes_by_user on reset_codes (user_id, issued_at);
