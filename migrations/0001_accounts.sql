-- Accounts, and what guards them. Both live in one row, so that one lock decides every race about a credential.
create table users (
  id uuid primary key,
  username text not null,
  -- The keys are made in one place in TypeScript, never by lower(): PostgreSQL and PGlite fold letters differently (A4).
  username_key text not null unique,
  email text not null,
  email_key text not null unique,
  password_hash text not null,
  -- One more with every new password. A session is live while its version is this one, and each write that relies on a
  -- verified password names the version that it read (F8, F9).
  credentials_version integer not null default 1,
  -- The hash of the one live code: a newer code supersedes by overwriting it. No index, so that updates stay heap-only.
  live_code bytea,
  password_changed_at timestamptz not null default now(),
  confirmed boolean not null default false,
  blocked boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
) with (fillfactor = 90); -- room for heap-only updates
