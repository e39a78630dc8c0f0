-- The clean-up takes what ended first. Neither column ever changes, so updates of sessions and codes stay heap-only.
create index reset_codes_by_end on reset_codes (expires_at);

create index sessions_by_end on sessions (expires_at);
