-- As in 0021, and an address that is set by hand, or by another program, ends the ways back to those before it: who sets it has decided
-- whose account this is, and whoever reads a former address must not take it once more (F29). A password that is set so leaves them
-- open: another program may let whoever took the account over set one.
create or replace function rekey_end_credentials() returns trigger language plpgsql as $end_credentials$
begin
  new.credentials_version := greatest(new.credentials_version, old.credentials_version + 1);
  if (new.email, new.email_key, new.password_hash) is distinct from (old.email, old.email_key, old.password_hash) then
    new.live_code := null;
    if new.host_id is null then
      new.password_changed_at := clock_timestamp(); -- what was asked before is dropped
    end if;
  end if;
  -- The account's row is locked by now, as it is before a way back is taken.
  if new.email_key <> old.email_key then
    update former_emails set superseded_at = clock_timestamp()
    where user_id = new.id and used_at is null and superseded_at is null;
  end if;
  return new;
end
$end_credentials$;
