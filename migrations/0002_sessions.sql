-- Sign-ins that last. Nothing in a row can be used as a token: tokens are signed and name a row.
create table sessions (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  -- Compared with the account's: what a racing sign-in inserts after a reset is dead on arrival (F8).
  credentials_version integer not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);

create index sessions_by_user on sessions (user_id);
