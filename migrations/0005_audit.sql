-- What happened, a row a step: who, to which account, by which request, from where, and how it ended. No secret and no e-mail
-- address is in it (F6), and no foreign key, so that it outlives the account.
create table audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  event text not null,
  outcome text not null,
  reason text,
  actor text not null,
  user_id uuid,
  request_id text,
  -- As AUDIT_ADDRESS lets it be kept.
  client_address text
);

-- The clean-up takes the oldest, and an operator looks at a time.
create index audit_by_time on audit (at);

-- What happened to one account.
create index audit_by_user on audit (user_id, at) where user_id is not null;

-- Where a request came from, for the rows that the worker writes about it later.
alter table recovery_requests add column request_id text, add column client_address text;
