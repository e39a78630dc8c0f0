-- Laravel 12: 0001_01_01_000000_create_users_table.
create table users (
  id bigserial primary key,
  name varchar(255) not null,
  email varchar(255) not null constraint users_email_unique unique,
  email_verified_at timestamp(0) without time zone,
  password varchar(255) not null,
  remember_token varchar(100),
  created_at timestamp(0) without time zone,
  updated_at timestamp(0) without time zone
);

create table password_reset_tokens (
  email varchar(255) primary key,
  token varchar(255) not null,
  created_at timestamp(0) without time zone
);

create table sessions (
  id varchar(255) primary key,
  user_id bigint,
  ip_address varchar(45),
  user_agent text,
  payload text not null,
  last_activity integer not null
);

create index sessions_user_id_index on sessions (user_id);

create index sessions_last_activity_index on sessions (last_activity);
