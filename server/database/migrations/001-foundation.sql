-- The tables of the whole design. Rules kept here: ids of the outside world are text; instants are timestamptz; keys of
-- tables that grow begin with time or with an id handed out in order; hot tables carry no foreign keys (their rows are
-- written set by set, under the locks of their record and lead).

create table workspace (
  id int generated always as identity primary key,
  name text not null unique,
  created_at timestamptz not null default now()
);

-- One installed CRM account. `setup`: no route yet, changes are kept. `attention`: the customer has to act (reason, text).
create table connection (
  id int generated always as identity primary key,
  workspace_id int not null references workspace,
  crm text not null,
  account_key text not null,
  name text not null default '',
  state text not null default 'setup' check (state in ('setup', 'active', 'attention', 'paused', 'removed')),
  state_reason text,
  scopes text[] not null default '{}',
  settings jsonb not null default '{}',
  rules jsonb not null default '{}',
  created_at timestamptz not null default now(),
  unique (crm, account_key)
);

-- `held`: nothing is sent until the customer has acted (hold_reason); `sleep_until`: Meta asked us to wait.
create table dataset (
  id int generated always as identity primary key,
  workspace_id int not null references workspace,
  meta_id text not null,
  state text not null default 'active' check (state in ('active', 'held')),
  hold_reason text,
  hold_text text,
  held_since timestamptz,
  sleep_until timestamptz,
  -- failures in a row, for the back-off; and how many different events were refused alone with the same unknown error
  failures int not null default 0,
  unknown_error text,
  unknown_error_count int not null default 0,
  created_at timestamptz not null default now(),
  unique (workspace_id, meta_id)
);

create table route (
  id int generated always as identity primary key,
  connection_id int not null references connection,
  dataset_id int not null references dataset,
  filter jsonb not null default '{}',
  mode text not null default 'live' check (mode in ('live', 'shadow')),
  created_at timestamptz not null default now(),
  unique (connection_id, dataset_id)
);

create table mapping (
  connection_id int not null references connection,
  version int not null,
  body jsonb not null,
  created_at timestamptz not null default now(),
  created_by text not null,
  primary key (connection_id, version)
);

create table secret (
  owner text not null,
  purpose text not null,
  key_id text not null,
  sealed bytea not null,
  changed_at timestamptz not null default now(),
  primary key (owner, purpose)
);

-- What must have one runner. A write that a lease guards checks `fence`, which grows with every change of hands.
create table lease (
  key text primary key,
  owner text not null,
  fence bigint not null,
  until timestamptz not null
);

create table cursor (
  connection_id int not null,
  channel text not null,
  position text,
  covered_until timestamptz,
  primary key (connection_id, channel)
);

-- The inbox: all changes of one body for one connection, compressed and sealed.
create table packet (
  id uuid primary key,
  connection_id int not null,
  body bytea not null,
  changes int not null,
  received_at timestamptz not null,
  not_before timestamptz not null default '-infinity',
  attempts int not null default 0,
  claimed_by uuid,
  claimed_until timestamptz not null default '-infinity',
  last_error text,
  quarantined boolean not null default false
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
create index packet_due on packet (connection_id, id) where not quarantined;

-- One Meta lead, or one person of whom no Meta lead id is known (meta_lead_id null).
create table lead (
  id bigint generated always as identity primary key,
  workspace_id int not null,
  meta_lead_id text check (meta_lead_id ~ '^[0-9]{15,17}$'),
  generated_at timestamptz,
  learned_at timestamptz not null,
  is_test boolean not null default false,
  form_id text,
  ad_id text,
  campaign_id text
);
create unique index lead_meta on lead (workspace_id, meta_lead_id) where meta_lead_id is not null;

create table lead_key (
  workspace_id int not null,
  kind text not null,
  hash bytea not null,
  lead_id bigint not null,
  primary key (workspace_id, kind, hash, lead_id)
);
create index lead_key_lead on lead_key (lead_id);

-- One CRM record and the lead it belongs to. `profile` holds what an event needs and the last lookup found: hashed match
-- keys, rule fields, amount. `look_again_at`: a record without a lead, or one whose lookup has to be repeated.
create table record (
  id bigint generated always as identity primary key,
  connection_id int not null,
  type text not null,
  record_id text not null,
  state text not null default 'live' check (state in ('live', 'gone', 'erased')),
  lead_id bigint,
  person_id bigint,
  survivor_id bigint,
  created_at timestamptz,
  first_seen_at timestamptz not null,
  profile jsonb,
  looked_up_at timestamptz,
  look_again_at timestamptz,
  looks int not null default 0,
  last_stage text,
  last_at timestamptz,
  history_read_to timestamptz,
  unique (connection_id, type, record_id)
);
create index record_person on record (person_id) where person_id is not null;
create index record_survivor on record (survivor_id) where survivor_id is not null;
create index record_lead on record (lead_id) where lead_id is not null;
create index record_look_again on record (connection_id, look_again_at) where look_again_at is not null;

create table milestone (
  dataset_id int not null,
  lead_id bigint not null,
  event_name text not null,
  occurred_at timestamptz not null,
  event_id uuid not null,
  primary key (dataset_id, lead_id, event_name)
);
create index milestone_lead on milestone (lead_id);

-- One row per lead-stage record and route. `event_id` is derived from the change itself, so a repeat hits the same row.
create table ledger (
  occurred_at timestamptz not null,
  event_id uuid not null,
  connection_id int not null,
  dataset_id int not null,
  record_id bigint not null,
  lead_id bigint,
  stage_key text not null,
  event_name text,
  outcome text not null check (outcome in ('pending', 'sent', 'unconfirmed', 'waiting', 'suppressed', 'rejected', 'expired')),
  reason text,
  detail jsonb,
  received_at timestamptz not null,
  settled_at timestamptz,
  primary key (occurred_at, event_id)
) partition by range (occurred_at);
create index ledger_record on ledger (record_id);
create table ledger_other partition of ledger default;

-- Conversion events that still have to go, in the order of their time and, at the same instant, of the funnel (`position`,
-- the raw lead first). `batch_cap`: the largest batch this event may travel in, halved when a batch that held it was refused.
create table outbox (
  dataset_id int not null,
  occurred_at timestamptz not null,
  event_id uuid not null,
  connection_id int not null,
  record_id bigint not null,
  lead_id bigint not null,
  position smallint not null default 0,
  payload text not null,
  batch_cap int not null default 1000,
  attempts int not null default 0,
  short_counts int not null default 0,
  not_before timestamptz not null default '-infinity',
  late boolean not null default false,
  primary key (dataset_id, occurred_at, event_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
create index outbox_record on outbox (record_id);

-- Who asked to be forgotten, as keyed hashes: a plain hash would itself be a match key.
create table tombstone (
  workspace_id int not null,
  kind text not null,
  hmac bytea not null,
  created_at timestamptz not null default now(),
  primary key (workspace_id, kind, hmac)
);

create table audit (
  id bigint generated always as identity primary key,
  workspace_id int not null,
  at timestamptz not null default now(),
  actor text not null,
  action text not null,
  subject text not null,
  detail jsonb not null default '{}'
);

-- What somebody has to know or do. At most one open notice per subject and code.
create table notice (
  id bigint generated always as identity primary key,
  workspace_id int not null,
  subject text not null,
  code text not null,
  text text not null,
  opened_at timestamptz not null default now(),
  closed_at timestamptz
);
create unique index notice_open on notice (subject, code) where closed_at is null;

-- Counts that outlive a process: doubles by cause, ignored changes, and the like.
create table tally (
  name text primary key,
  count bigint not null default 0
);
