-- Mails between the transaction that needs them and the mail server. The code itself is in none of the columns: it is
-- derived from the nonce with a key that the database doesn't hold (D5).
create table outbox (
  id bigint generated always as identity primary key,
  recipient text not null,
  code_hash bytea not null references reset_codes on delete cascade,
  nonce bytea,
  -- When the mail may be tried (again); a worker that claims it moves this on by its lease (G1).
  due_at timestamptz not null default now(),
  attempts integer not null default 0,
  sent_at timestamptz,
  -- Once a mail is sent nothing is left to derive its code from.
  check ((sent_at is null) = (nonce is not null))
);

-- Grows with what waits, not with what was ever sent.
create index outbox_due on outbox (due_at, id) where sent_at is null;

-- A code that goes takes its mails along.
create index outbox_by_code on outbox (code_hash);
