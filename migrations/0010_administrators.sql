-- Who asked for a code, where it was an administrator for somebody: the name that ADMIN_TOKENS gives them (F7). Until the request
-- is taken it stands beside it, then in the trail.
alter table recovery_requests
  add column administrator text check (char_length(administrator) between 1 and 64);

alter table audit
  add column administrator text check (char_length(administrator) between 1 and 64),
  -- No deed of an administrator is nobody's.
  add check ((actor = 'administrator') = (administrator is not null));
