-- From what kind of device something was asked for, in a few words of ours: with the client's address it lets an account's owner tell
-- their own sessions and steps from somebody else's. None where a former version wrote the row.
alter table sessions
  add column device text,
  -- As AUDIT_ADDRESS lets it be kept.
  add column client_address text;

alter table audit add column device text;

-- For the rows that the worker writes about a request later.
alter table recovery_requests add column device text;

alter table confirmation_requests add column device text;
