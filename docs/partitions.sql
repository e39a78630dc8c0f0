-- The trail by month, and reset codes by the day on which they end, so that what is old goes with its table and no row is deleted one by
-- one. For a trail of some ten million rows or more; docs/scaling.md says what it costs and what it was tried with. PostgreSQL 15 or
-- newer, as the owner of the tables, on which nothing may hang that Rekey didn't make:
--
--   psql --single-transaction -v ON_ERROR_STOP=1 -f docs/partitions.sql
--
-- Everything waits meanwhile, most of the time for two indexes. Made beforehand, beside a running service, these spare that:
--
--   create unique index concurrently audit_past_pkey on audit (id, at);
--   create unique index concurrently reset_codes_past_pkey on reset_codes (code_hash, expires_at);
--
-- From then on, once a day, by cron or pg_cron:
--
--   select rekey_partitions(audit_retention => '400 days'); -- as AUDIT_RETENTION says
set local lock_timeout = '10s';
lock table outbox, reset_codes, audit in access exclusive mode;

-- What is there becomes the first partition. Its parent gets all names, so that later migrations find what they look for.
alter table audit rename to audit_past;
alter index audit_by_time rename to audit_past_by_time;
alter index audit_by_user rename to audit_past_by_user;
create unique index if not exists audit_past_pkey on audit_past (id, at);
alter table audit_past
  drop constraint audit_pkey,
  add primary key using index audit_past_pkey,
  alter column id drop identity;

create table audit (like audit_past including defaults including constraints) partition by range (at);
alter table audit add primary key (id, at); -- a key of a table with partitions names what they are told apart by
create index audit_by_time on audit (at);
create index audit_by_user on audit (user_id, at) where user_id is not null;
-- Before PostgreSQL 17 no table with partitions has an identity.
create sequence audit_ids owned by audit.id;
alter table audit alter column id set default nextval('audit_ids');

alter table reset_codes rename to reset_codes_past;
alter index reset_codes_by_user rename to reset_codes_past_by_user;
alter index reset_codes_by_end rename to reset_codes_past_by_end;
-- There is no key of the code alone any more to refer to. Nothing misses it: 256 random bits don't come twice, and a mail whose code is
-- gone is dropped as one whose code has ended.
alter table outbox drop constraint outbox_code_hash_fkey;
create unique index if not exists reset_codes_past_pkey on reset_codes_past (code_hash, expires_at);
alter table reset_codes_past
  drop constraint reset_codes_pkey,
  add primary key using index reset_codes_past_pkey;

create table reset_codes (like reset_codes_past including defaults including constraints) partition by range (expires_at);
alter table reset_codes
  add primary key (code_hash, expires_at),
  add foreign key (user_id) references users on delete cascade;
create index reset_codes_by_user on reset_codes (user_id, issued_at);
create index reset_codes_by_end on reset_codes (expires_at);

do $attach$
declare
  next_month timestamptz := (date_trunc('month', now() at time zone 'UTC') + interval '1 month') at time zone 'UTC';
  next_day timestamptz := (date_trunc('day', greatest(now(), (select max(expires_at) from reset_codes_past)) at time zone 'UTC')
    + interval '1 day') at time zone 'UTC';
begin
  perform setval('audit_ids', (select coalesce(max(id), 0) + 1 from audit_past), false);
  execute format('alter table audit attach partition audit_past for values from (minvalue) to (%L)', next_month);
  execute format('alter table reset_codes attach partition reset_codes_past for values from (minvalue) to (%L)', next_day);
end
$attach$;

-- Take what comes should nobody make further partitions: the service goes on, and the clean-up deletes rows here.
create table audit_default partition of audit default;
create table reset_codes_default partition of reset_codes default;

-- Whoever could use the tables may go on.
do $grants$
declare
  given record;
begin
  for given in
    select r.privilege_type as "right", left(c.relname, -length('_past')) as "table",
      case r.grantee when 0 then 'public' else r.grantee::regrole::text end as "role"
    from pg_class c, aclexplode(c.relacl) r where c.oid in ('audit_past'::regclass, 'reset_codes_past'::regclass)
  loop
    execute format('grant %s on %I to %s', given."right", given."table", given."role");
    if given."table" = 'audit' and given."right" = 'INSERT' then
      execute format('grant usage on sequence audit_ids to %s', given."role");
    end if;
  end loop;
end
$grants$;

-- Each partition, and when the next one begins; none for the last.
create view rekey_partition_ends as
  select i.inhparent::regclass::text as "table", i.inhrelid::regclass::text as name,
    substring(pg_get_expr(c.relpartbound, c.oid) from $bound$TO \('(.*)'\)$bound$)::timestamptz as ends
  from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent in ('audit'::regclass, 'reset_codes'::regclass);

-- Makes the partitions of the coming time, and drops those whose rows the clean-up would delete. That takes a moment in which no
-- statement uses the table: where none comes within a second it fails, and tomorrow is early enough.
create function rekey_partitions(audit_retention interval) returns void language plpgsql set lock_timeout = '1s' as $partitions$
declare
  kind record;
  old text;
  newest_astray timestamptz;
  starts timestamp; -- in UTC
begin
  for kind in
    select * from (values
      ('audit', 'at', 'month', interval '1 month', interval '3 months', audit_retention),
      ('reset_codes', 'expires_at', 'day', '1 day', '7 days', '1 day')
    ) as _ ("table", "column", unit, step, ahead, kept)
  loop
    for old in select name from rekey_partition_ends e where e."table" = kind."table" and ends < now() - kind.kept loop
      execute format('drop table %s', old);
    end loop;

    -- Rows that came when there was no partition for them stay where they are.
    execute format('select max(%I) from %I', kind."column", kind."table" || '_default') into newest_astray;
    starts := greatest(
      (select max(ends) from rekey_partition_ends e where e."table" = kind."table") at time zone 'UTC',
      date_trunc(kind.unit, newest_astray at time zone 'UTC') + kind.step
    );
    while starts at time zone 'UTC' < now() + kind.ahead loop
      execute format(
        'create table %I partition of %I for values from (%L) to (%L)',
        kind."table" || to_char(starts, '_YYYY_MM_DD'), kind."table",
        starts at time zone 'UTC', (starts + kind.step) at time zone 'UTC'
      );
      starts := starts + kind.step;
    end loop;
  end loop;
end
$partitions$;

do $first$ begin perform rekey_partitions('400 days'); end $first$;
