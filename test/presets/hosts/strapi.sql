-- Strapi 5: what its schema synchronisation makes for the plugin users-permissions and for its managed sessions.
create table up_users (
  id serial primary key,
  document_id varchar(255),
  username varchar(255),
  email varchar(255),
  provider varchar(255),
  password varchar(255),
  reset_password_token varchar(255),
  confirmation_token varchar(255),
  confirmed boolean,
  blocked boolean,
  created_at timestamp(6) without time zone,
  updated_at timestamp(6) without time zone,
  published_at timestamp(6) without time zone,
  created_by_id integer,
  updated_by_id integer,
  locale varchar(255)
);

create index up_users_documents_idx on up_users (document_id, locale, published_at);

create table strapi_sessions (
  id serial primary key,
  document_id varchar(255),
  user_id varchar(255),
  session_id varchar(255) unique,
  child_id varchar(255),
  device_id varchar(255),
  origin varchar(255),
  expires_at timestamp(6) without time zone,
  absolute_expires_at timestamp(6) without time zone,
  status varchar(255),
  type varchar(255),
  created_at timestamp(6) without time zone,
  updated_at timestamp(6) without time zone,
  published_at timestamp(6) without time zone,
  created_by_id integer,
  updated_by_id integer,
  locale varchar(255)
);
