-- The last mail of an account, to the address that it had: nothing of the account is left that it could hang on.
alter table outbox
  drop constraint outbox_user_check,
  add constraint outbox_user_check check (
    user_id is not null or kind in ('email-confirmation', 'registration-reset', 'account-deleted')
  );
