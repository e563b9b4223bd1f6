-- A link by which somebody without an account of ours connects a CRM account or a dataset. Only a hash of its token is kept.
create table invitation (
  id int generated always as identity primary key,
  token_hash bytea not null unique,
  workspace_id int not null references workspace,
  purpose text not null check (purpose in ('crm', 'dataset')),
  crm text,
  auth_url text,
  -- to be connected again: no other account will do
  connection_id int references connection,
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  check ((purpose = 'crm') = (crm is not null))
);

-- A consent that was asked for. `answered_at`: its state came back, which happens once; the row stays a while to say so.
create table consent (
  state_hash bytea primary key,
  browser_hash bytea not null,
  invitation_id int not null references invitation,
  verifier bytea not null,
  expires_at timestamptz not null,
  answered_at timestamptz,
  -- what came of it, for who looks again
  connection_id int
);
create index consent_expiry on consent (expires_at);
