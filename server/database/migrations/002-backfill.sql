-- What a customer asks to have read again from the past. A backfill is first carried out without effect (`planned`,
-- `dry_running`), told (`ready`, with its forecast) and, once confirmed, read in for real, page by page.
create table backfill (
  id int generated always as identity primary key,
  workspace_id int not null references workspace,
  connection_id int not null references connection,
  state text not null default 'planned'
    check (state in ('planned', 'dry_running', 'ready', 'running', 'paused', 'done', 'cancelled', 'failed')),
  period_from timestamptz not null,
  period_to timestamptz not null,
  -- what the dry run found; while it goes on, what it has found so far
  forecast jsonb,
  -- where the CRM's history goes on; `read_all` when there is no more of it
  position text,
  read_all boolean not null default false,
  records int not null default 0,
  -- when it began, or began again, to read, and how many records it had read then: for the time that remains
  resumed_at timestamptz,
  resumed_records int not null default 0,
  error text,
  error_text text,
  requested_by text not null,
  requested_at timestamptz not null default now(),
  confirmed_at timestamptz,
  finished_at timestamptz
);
create index backfill_connection on backfill (connection_id);
create index backfill_work on backfill (id) where state in ('planned', 'dry_running', 'running');

-- Suppressed entries that were judged again together.
create table reevaluation (
  id int generated always as identity primary key,
  workspace_id int not null references workspace,
  connection_id int not null references connection,
  reason text,
  entries int not null default 0,
  requested_by text not null,
  requested_at timestamptz not null default now()
);
create index reevaluation_connection on reevaluation (connection_id);

-- What came of a request is counted in the ledger itself. Rows that nobody asked for carry nulls, which take no room.
alter table packet add column backfill_id int;
alter table ledger add column backfill_id int, add column reevaluation_id int;
create index ledger_backfill on ledger (backfill_id) where backfill_id is not null;
create index ledger_reevaluation on ledger (reevaluation_id) where reevaluation_id is not null;
