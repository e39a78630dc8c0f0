-- Two roles: one that owns the tables and applies the migrations, one that runs the service and may change rows alone.
-- As a superuser, in a database of its own: psql -d rekey -v owner=rekey_owner -v service=rekey -f deploy/postgresql.sql
create role :"owner" login;
create role :"service" login;
revoke all on schema public from public;
grant usage, create on schema public to :"owner";
grant usage on schema public to :"service";
-- What the owner makes, by this and by later migrations.
alter default privileges for role :"owner" in schema public grant select, insert, update, delete on tables to :"service";
alter default privileges for role :"owner" in schema public grant usage on sequences to :"service";
