-- Devise 4.9 on Rails 7: the migration of its generator, with what is commented out there for `confirmable` and `lockable`.
create table users (
  id bigserial primary key,
  email varchar default '' not null,
  encrypted_password varchar default '' not null,
  reset_password_token varchar,
  reset_password_sent_at timestamp(6) without time zone,
  remember_created_at timestamp(6) without time zone,
  confirmation_token varchar,
  confirmed_at timestamp(6) without time zone,
  confirmation_sent_at timestamp(6) without time zone,
  unconfirmed_email varchar,
  failed_attempts integer default 0 not null,
  unlock_token varchar,
  locked_at timestamp(6) without time zone,
  created_at timestamp(6) without time zone not null,
  updated_at timestamp(6) without time zone not null
);

create unique index index_users_on_email on users (email);

create unique index index_users_on_reset_password_token on users (reset_password_token);
