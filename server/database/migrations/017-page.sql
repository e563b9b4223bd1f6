-- Who looks at the settings of an account, by a bearer that is good for a quarter of an hour. Of the bearer only a hash is kept.
create table page_session (
  token_hash bytea primary key,
  crm text not null,
  account text not null,
  user_id text not null,
  -- what the CRM said of the user when the session began
  admin boolean not null,
  -- where the account signs in, for CRMs with several such places
  host text,
  expires_at timestamptz not null
);
create index page_session_expiry on page_session (expires_at);

-- What is good once: signed requests that opened a page, the state of a consent to sign in, and codes, with what they stand for.
create table page_pass (
  hash bytea primary key,
  purpose text not null check (purpose in ('opening', 'signing_in', 'signed_in', 'download')),
  body jsonb not null default '{}',
  used_at timestamptz,
  expires_at timestamptz not null
);
create index page_pass_expiry on page_pass (expires_at);

-- What was answered to a change that was asked for under an id, for who asks for the same once more. Null: under way.
create table page_answer (
  asker text not null,
  request_id text not null,
  request_hash bytea not null,
  answer bytea,
  begun_at timestamptz not null default now(),
  primary key (asker, request_id)
);
create index page_answer_age on page_answer (begun_at);

-- A link that connects one account and no other, be it unknown as yet.
alter table invitation add column account text;
