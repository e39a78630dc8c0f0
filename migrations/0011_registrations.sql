-- Accounts that somebody asked for and whose address nobody has confirmed yet (EMAIL_CONFIRMATION). Whether the address has an
-- account already makes no difference to a row (C6).
create table registrations (
  -- Becomes the account's.
  id uuid primary key,
  username text not null,
  -- Reserves the user name until the row goes, whatever becomes of it: a name that came free when its address got an
  -- account would tell of that account.
  username_key text not null unique,
  email text not null,
  email_key text not null,
  -- Erased once it is the account's: what is changed there mustn't live on here.
  password_hash text,
  asked_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  confirmed_at timestamptz,
  -- Where it was asked for, for the notice to the owner of an address that has an account.
  device text not null,
  client_address text,
  check ((password_hash is null) = (confirmed_at is not null))
);

create index registrations_by_email on registrations (email_key);

create index registrations_by_end on registrations (expires_at);

-- Mails about an address that the worker has to decide on, written down without a look at users (C1, C6).
create table confirmation_requests (
  id bigint generated always as identity primary key,
  email_key text not null,
  -- What is asked for: a first mail about a registration, the mail once more, or a reset, where no account has the address.
  kind text not null check (kind in ('registration', 'again', 'reset')),
  registration_id uuid references registrations on delete cascade,
  asked_at timestamptz not null default clock_timestamp(),
  request_id text,
  client_address text,
  check ((registration_id is not null) = (kind = 'registration'))
);

create index confirmation_requests_by_email on confirmation_requests (email_key);

create index confirmation_requests_by_registration on confirmation_requests (registration_id)
where registration_id is not null;

-- Every confirmation code that was issued, by SHA-256 (D5).
create table confirmation_codes (
  code_hash bytea primary key check (octet_length(code_hash) = 32),
  -- Of a registration or of an account, which has the id of its registration. No foreign key: a code outlives its registration
  -- by a day, so that the answer can be exact.
  account_id uuid not null,
  -- The address that the code was mailed to, and which it confirms.
  email_key text not null,
  issued_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  used_at timestamptz
);

-- The cap looks an address's latest codes up, the cooldown those of one account.
create index confirmation_codes_by_email on confirmation_codes (email_key, issued_at);

create index confirmation_codes_by_account on confirmation_codes (account_id, issued_at);

create index confirmation_codes_by_end on confirmation_codes (expires_at);

-- Mails to addresses without an account, and with another kind of code.
alter table outbox
  alter column user_id drop not null,
  add column confirmation_hash bytea references confirmation_codes on delete set null,
  drop constraint outbox_check1,
  -- Once a mail is settled nothing is left to derive its code from (D5).
  add constraint outbox_nonce_check check (
    (nonce is not null) = (kind in ('reset-code', 'email-confirmation', 'registration-reset') and outcome is null)
  ),
  add constraint outbox_user_check check (user_id is not null or kind in ('email-confirmation', 'registration-reset'));

-- A code that goes takes its place in the mails along.
create index outbox_by_confirmation on outbox (confirmation_hash)
where confirmation_hash is not null;
