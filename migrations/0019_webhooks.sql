-- Events on their way to the receiver of webhooks: what happened to accounts, copied from the trail where WEBHOOK_URL is set.
create table webhook_outbox (
  -- That of the row in the trail: nothing is queued twice, and the ids say the order.
  id bigint primary key,
  type text not null,
  at timestamptz not null,
  -- No foreign key: that an account was deleted is told when it is gone.
  user_id uuid not null,
  actor text not null,
  request_id text,
  created_at timestamptz not null default now(),
  -- When it may be tried (again); a worker that claims it moves this on by its lease.
  due_at timestamptz not null default now(),
  leased_until timestamptz,
  attempts integer not null default 0,
  -- Why the last try failed, in words of ours.
  failure text,
  -- How it ended: sent; dropped by the operator; dead, since it couldn't be delivered. None while it waits.
  outcome text check (outcome in ('sent', 'dropped', 'dead')),
  settled_at timestamptz,
  check ((outcome is null) = (settled_at is null))
);

-- Grows with what waits, not with what was ever sent.
create index webhook_outbox_due on webhook_outbox (due_at, id) where outcome is null;

-- Those of one account leave in order.
create index webhook_outbox_waiting_by_user on webhook_outbox (user_id, id) where outcome is null;

-- For the clean-up, and for the operator's look at what is dead.
create index webhook_outbox_by_outcome on webhook_outbox (outcome, settled_at) where outcome is not null;

-- How far the trail was read for them, in one row. Whoever reads on locks it.
create table webhook_progress (
  only_row boolean primary key default true check (only_row),
  -- The highest id of the trail that was seen, and the ids before it whose rows weren't there yet.
  last_seen bigint not null,
  gaps jsonb not null default '[]',
  -- SHA-256 of the WEBHOOK_URL that answered 410: nothing is sent there.
  stopped_receiver bytea check (octet_length(stopped_receiver) = 32),
  stopped_at timestamptz,
  check ((stopped_receiver is null) = (stopped_at is null))
);

insert into webhook_progress (last_seen) select coalesce(max(id), 0) from audit;
