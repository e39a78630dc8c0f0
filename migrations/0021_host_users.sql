-- Accounts of an application that keeps its users itself (USERS_PRESET): a row here is the shadow of one, with Rekey's own part of the
-- account and what of the host's it saw last.
alter table users
  -- The key of the host's row, as text; none where Rekey keeps the account.
  add column host_id text,
  -- Of a host's hash only a fingerprint is here, which tells that another one took its place.
  add check (host_id is null or password_hash like 'sha256:%');

create unique index users_by_host on users (host_id) where host_id is not null;

-- As in 0009, but for a shadow's time: a host's change is seen when somebody looks, and what was asked for in between isn't too old.
create or replace function rekey_end_credentials() returns trigger language plpgsql as $end_credentials$
begin
  new.credentials_version := greatest(new.credentials_version, old.credentials_version + 1);
  if (new.email, new.email_key, new.password_hash) is distinct from (old.email, old.email_key, old.password_hash) then
    new.live_code := null;
    if new.host_id is null then
      new.password_changed_at := clock_timestamp(); -- what was asked before is dropped
    end if;
  end if;
  return new;
end
$end_credentials$;
