-- Leads that Meta itself told of, or an import: where each comes from, and since when we know that.
-- `captured_by`: the connection that told of it; null for imports.
alter table lead
  add column adset_id text,
  add column platform text,
  add column organic boolean,
  add column captured_at timestamptz,
  add column captured_by int;
create index lead_captured on lead (workspace_id, generated_at) where captured_at is not null;

-- What people call forms, ads, ad sets and campaigns at Meta, once for all their leads.
create table meta_name (
  workspace_id int not null references workspace,
  kind text not null check (kind in ('form', 'ad', 'adset', 'campaign')),
  id text not null,
  name text not null,
  primary key (workspace_id, kind, id)
);

-- One lead is one raw lead at a dataset, whatever its event is called: connections may name it differently.
alter table milestone add column raw_lead boolean not null default false;
update milestone m set raw_lead = true from (
  select distinct on (m.dataset_id, m.lead_id) m.dataset_id, m.lead_id, m.event_name
  from milestone m join ledger l on l.occurred_at = m.occurred_at and l.event_id = m.event_id and l.stage_key = 'raw_lead'
  order by m.dataset_id, m.lead_id, m.occurred_at, m.event_name
) raw where m.dataset_id = raw.dataset_id and m.lead_id = raw.lead_id and m.event_name = raw.event_name;
create unique index milestone_raw_lead on milestone (dataset_id, lead_id) where raw_lead;

-- Records that wait for a lead, by the first address and the first number that the CRM shows: a captured lead wakes them.
create index record_waits_em on record ((profile #>> '{identity,userData,em,0}')) where look_again_at is not null;
create index record_waits_ph on record ((profile #>> '{identity,userData,ph,0}')) where look_again_at is not null;

-- After how long a lead is missed that has not reached the CRM; 0: never.
alter table workspace add column missing_after_minutes int not null default 60 check (missing_after_minutes >= 0);

-- Lead ids to be written into the CRM. `meta_lead_id`: what was written; it is not done again. `failure`: why it was given up.
create table write_back (
  record_id bigint primary key,
  connection_id int not null,
  attempts int not null default 0,
  not_before timestamptz not null default '-infinity',
  meta_lead_id text,
  failure text
);
create index write_back_due on write_back (connection_id, not_before) where meta_lead_id is null and failure is null;
