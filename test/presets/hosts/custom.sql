-- A shop that made its own, with keys of its own kind and a name that has to be quoted.
create schema shop;

create table shop."Customers" (
  code char(8) primary key,
  mail text not null,
  login text,
  secret text,
  closed_on date,
  points integer not null default 0
);

create table shop.visits (id bigserial primary key, customer char(8) not null, begun_at timestamptz not null default now());
