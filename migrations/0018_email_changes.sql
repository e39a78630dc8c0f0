-- The hash of the one code that may change the account's address: a newer one supersedes it by overwriting. No index, so that updates
-- stay heap-only.
alter table users add column live_change bytea;

-- What somebody who is signed in asked for, written down without a look at who has the new address (C6). No foreign key: a worker
-- holds these rows before it locks the account, and whoever deletes that would wait for it the other way round.
create table email_change_requests (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  -- With which the current password was verified: a newer password, or a block, ends what was asked before.
  credentials_version integer not null,
  -- The session that asked, which goes on after the change.
  session_id uuid not null,
  email text not null,
  email_key text not null,
  asked_at timestamptz not null default clock_timestamp(),
  request_id text,
  client_address text,
  device text,
  language text
);

create index email_change_requests_by_user on email_change_requests (user_id);

-- Every code that was made to change an address, by SHA-256 (D5); for an address that is taken too, though nobody gets that one, so that
-- both are alike. Whether a code is live stands in its account's row, so that nothing here guards a race.
create table email_changes (
  code_hash bytea primary key check (octet_length(code_hash) = 32),
  user_id uuid not null references users on delete cascade,
  credentials_version integer not null,
  session_id uuid not null,
  email text not null,
  email_key text not null,
  asked_at timestamptz not null,
  issued_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  used_at timestamptz
);

-- Cooldown and cap of an account, and the cap of an address.
create index email_changes_by_user on email_changes (user_id, issued_at);

create index email_changes_by_email on email_changes (email_key, issued_at);

create index email_changes_by_end on email_changes (expires_at);

-- Addresses that accounts had, each with the SHA-256 of the code that leads back to it. The ids of an account are in the order of its
-- changes, since they are given under the lock of its row.
create table former_emails (
  id bigint generated always as identity primary key,
  code_hash bytea not null unique check (octet_length(code_hash) = 32),
  user_id uuid not null references users on delete cascade,
  email text not null,
  email_key text not null,
  changed_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  used_at timestamptz,
  -- An earlier way back was taken: whoever had the account meanwhile must not come back by this one.
  superseded_at timestamptz
);

create index former_emails_by_user on former_emails (user_id, id);

create index former_emails_by_email on former_emails (email_key);

create index former_emails_by_end on former_emails (expires_at);

-- While the way back to an address is open, no other account gets it, whichever program makes one: else whoever took an account over
-- would block the way with an account of their own. After the row, when the unique key of users has waited for a change under way, and
-- by a snapshot of its own, which sees what that change left behind.
create function rekey_keep_way_back_from_new() returns trigger language plpgsql as $keep$
begin
  if exists (
    select from added a join former_emails f on f.email_key = a.email_key and f.user_id <> a.id
    where f.used_at is null and f.superseded_at is null and f.expires_at > now()
  ) then
    raise exception 'The address was an account''s until lately, and may become it again.'
      using errcode = 'unique_violation', constraint = 'former_emails_by_email';
  end if;
  return null;
end
$keep$;

create function rekey_keep_way_back_from_changed() returns trigger language plpgsql as $keep$
begin
  if exists (
    select from former_emails f
    where f.email_key = new.email_key and f.user_id <> new.id
      and f.used_at is null and f.superseded_at is null and f.expires_at > now()
  ) then
    raise exception 'The address was an account''s until lately, and may become it again.'
      using errcode = 'unique_violation', constraint = 'former_emails_by_email';
  end if;
  return null;
end
$keep$;

-- For a whole statement, so that it costs an import next to nothing.
create trigger users_keep_way_back_from_new
  after insert on users referencing new table as added for each statement
  execute function rekey_keep_way_back_from_new();

create trigger users_keep_way_back_from_changed
  after update of email_key on users for each row
  when (old.email_key <> new.email_key)
  execute function rekey_keep_way_back_from_changed();

-- Mails with the two kinds of codes.
alter table outbox
  add column change_hash bytea references email_changes on delete set null,
  add column way_back_hash bytea references former_emails (code_hash) on delete set null,
  drop constraint outbox_nonce_check,
  -- Once a mail is settled nothing is left to derive its code from (D5).
  add constraint outbox_nonce_check check (
    (nonce is not null)
      = (kind in ('reset-code', 'email-confirmation', 'registration-reset', 'email-change', 'email-changed') and outcome is null)
  );

-- A code that goes takes its place in the mails along.
create index outbox_by_change on outbox (change_hash)
where change_hash is not null;

create index outbox_by_way_back on outbox (way_back_hash)
where way_back_hash is not null;
