-- Mails of several kinds: those with a code, and notices that tell the owner what happened.
alter table outbox
  add column kind text not null default 'reset-code',
  add column user_id uuid references users on delete cascade,
  -- In the mail's Message-ID, so that a receiver can tell a repeat; random, so that nothing can be learnt from it (C1).
  add column message_id uuid not null default gen_random_uuid(),
  -- What a notice tells, beside its time. No secret.
  add column details jsonb,
  -- The request that the mail answers.
  add column request_id text,
  add column created_at timestamptz not null default now(),
  -- Until when a worker has the mail in hand.
  add column leased_until timestamptz,
  -- How it ended: sent; dropped, since nobody needs it any more; dead, since it couldn't be sent. None while it waits.
  add column outcome text check (outcome in ('sent', 'dropped', 'dead')),
  add column settled_at timestamptz;

update outbox o set user_id = c.user_id from reset_codes c where c.code_hash = o.code_hash;

update outbox set outcome = 'sent', settled_at = sent_at where sent_at is not null;

-- Takes the check of sent_at and the index of what is due along.
alter table outbox
  drop column sent_at,
  alter column kind drop default,
  alter column user_id set not null,
  alter column code_hash drop not null,
  -- A dead letter outlives its code, to be seen by the operator.
  drop constraint outbox_code_hash_fkey,
  add foreign key (code_hash) references reset_codes on delete set null,
  add check ((outcome is null) = (settled_at is null)),
  -- Once a mail is settled nothing is left to derive its code from (D5).
  add check ((nonce is not null) = (kind = 'reset-code' and outcome is null));

-- Grows with what waits, not with what was ever sent.
create index outbox_due on outbox (due_at, id) where outcome is null;

-- The mails of one account leave in order.
create index outbox_waiting_by_user on outbox (user_id, id) where outcome is null;

-- An account that goes takes its mails along.
create index outbox_by_user on outbox (user_id);

-- For the clean-up, and for the operator's look at dead letters.
create index outbox_by_outcome on outbox (outcome, settled_at) where outcome is not null;
