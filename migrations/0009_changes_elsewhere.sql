-- A password, an address or a block that is set by hand, or by another program, ends codes and sessions too (B4, F1). Before
-- the row is written, so it costs no second update; and Rekey's own statements, which do it themselves, don't fire it.

-- Tells the same password in a stronger hash, which must not end sessions, from another password.
alter table users add column hash_upgraded_at timestamptz;

create function rekey_end_credentials() returns trigger language plpgsql as $end_credentials$
begin
  new.credentials_version := greatest(new.credentials_version, old.credentials_version + 1);
  if (new.email, new.email_key, new.password_hash) is distinct from (old.email, old.email_key, old.password_hash) then
    new.live_code := null;
    new.password_changed_at := clock_timestamp(); -- what was asked before is dropped
  end if;
  return new;
end
$end_credentials$;

create trigger users_changed_elsewhere
  before update of email, email_key, password_hash on users for each row
  when (
    (old.email, old.email_key, old.password_hash) is distinct from (new.email, new.email_key, new.password_hash)
    and old.hash_upgraded_at is not distinct from new.hash_upgraded_at
    and (old.credentials_version = new.credentials_version or new.live_code is not null)
  )
  execute function rekey_end_credentials();

-- Sessions end for good. The code doesn't: while the account is blocked its holder is told so, and can't use it.
create trigger users_blocked
  before update of blocked on users for each row
  when (new.blocked and not old.blocked and old.credentials_version = new.credentials_version)
  execute function rekey_end_credentials();
