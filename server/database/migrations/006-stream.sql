-- Changes that come by a stream, or by asking again and again. `arrival` follows from the connector and the settings of the
-- connection; null: to be found out anew. `sandbox`: a place to try things out, whose new routes begin in shadow mode.
alter table connection
  add column arrival text check (arrival in ('push', 'stream', 'poll')),
  add column sandbox boolean not null default false;

-- `changed_at`: when the last change came this way. `standing`: `open`, or the code of why not, with a text, since `standing_at`.
-- `wanted_until`, of the history: up to where it has to be read, because somebody told that changes were not told.
alter table cursor
  add column changed_at timestamptz,
  add column standing text,
  add column standing_text text,
  add column standing_at timestamptz,
  add column wanted_until timestamptz;

-- Rows of both are written again and again, and grow nothing where there is room beside them.
alter table cursor set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
alter table lease set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- The last known stage of a record at each source (`{source: {stage, at}}`), for CRMs that only show where a record stands.
alter table record drop column last_stage, drop column last_at, add column stages jsonb;

-- How a CRM describes what it sends, by its own ids: they name the content, so they never change.
create table wire_schema (
  crm text not null,
  id text not null,
  body text not null,
  created_at timestamptz not null default now(),
  primary key (crm, id)
);
