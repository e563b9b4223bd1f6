-- How we may send to a dataset: with a token that was pasted, one won by signing in with Facebook, or our own system user's, for
-- datasets that are shared with our business. `token_expires_at` is known of the second kind only.
alter table dataset
  add column access text not null default 'pasted' check (access in ('pasted', 'login', 'shared')),
  add column token_expires_at timestamptz,
  add column token_checked_at timestamptz;

-- The dataset that a consent at Meta is for.
alter table consent add column meta_id text;
