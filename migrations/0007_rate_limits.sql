-- How often somebody did something in the window that runs: requests of a client at a door, guesses at a password. Not
-- logged, since a row lives for minutes and a crash of the database may empty it; a restart of Rekey doesn't (E5).
create unlogged table rate_limits (
  -- A keyed hash, so that the table holds neither addresses of clients nor names of accounts.
  key bytea primary key check (octet_length(key) = 32),
  count integer not null,
  ends_at timestamptz not null
) with (fillfactor = 50); -- counting updates in place, over and over

-- Clean-up finds what is over.
create index rate_limits_ended on rate_limits (ends_at);
