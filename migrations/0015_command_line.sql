-- How far the import of a file has come, so that one that was broken off goes on where it was: written with the accounts themselves.
create table imports (
  id bigint generated always as identity primary key,
  -- SHA-256 of the file, which tells it from another one, or from itself once it was changed.
  file_hash bytea not null unique check (octet_length(file_hash) = 32),
  -- Lines and bytes from its start that are done.
  lines bigint not null default 0,
  bytes bigint not null default 0,
  imported bigint not null default 0,
  refused bigint not null default 0,
  started_at timestamptz not null default now(),
  touched_at timestamptz not null default now(),
  finished_at timestamptz
);

-- The clean-up takes the oldest.
create index imports_by_touch on imports (touched_at);

-- Lines of which no account was made. What stood there isn't kept.
create table import_refusals (
  import_id bigint not null references imports on delete cascade,
  line bigint not null,
  reason text not null,
  primary key (import_id, line)
);

-- Asked for on the command line, for somebody: neither the owner's request nor that of one of ADMIN_TOKENS.
alter table recovery_requests add column by_operator boolean not null default false;
