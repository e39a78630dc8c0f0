-- In which language somebody is written to, by its primary subtag (RFC 5646): what the account's owner understands, as they said when
-- they registered or set a password; none where they never did. A code that a process doesn't know counts as none.
alter table users add column language text;

-- What whoever asked understands, for the mails to an account that doesn't say, and to addresses without one.
alter table recovery_requests add column language text;

alter table registrations add column language text;

alter table confirmation_requests add column language text;

-- Decided when a mail is queued.
alter table outbox add column language text;
