-- Figures by day, in the time zone of the workspace's digest, and by one dimension at a time: made from ledger and leads again
-- and again as long as the ledger holds the day, and kept when it no longer does. Nothing in it is about a person.
create table daily_rollup (
  workspace_id int not null,
  dimension text not null check (dimension in ('all', 'event', 'stage', 'form', 'ad', 'campaign', 'key', 'dataset')),
  day date not null,
  value text not null,
  -- leads generated that day, without test leads (at events and stages: those of them that reached it, at keys and datasets:
  -- that had an event sent so), and how many of them had an event sent; `captured`: those of whom Meta itself told
  leads int not null,
  covered int not null,
  captured int not null,
  captured_covered int not null,
  -- stages reached that day, by what became of them
  sent int not null,
  unconfirmed int not null,
  rejected int not null,
  expired int not null,
  suppressed int not null,
  -- when Meta accepted the first of those that were sent
  accepted_at timestamptz,
  -- at events and stages: how long after their lead they were reached, as counts by hour and, after a day, by day
  delays jsonb,
  primary key (workspace_id, dimension, day, value)
);
create index daily_rollup_day on daily_rollup (day);

-- When a day was last rolled up, and how long that took. `final`: the ledger does not hold all of it any more.
create table rolled_day (
  day date primary key,
  rolled_at timestamptz not null,
  took_ms int not null,
  final boolean not null default false
);

-- Steps at Meta that only a person can see, and says to be done.
create table way_tick (
  dataset_id int not null,
  step text not null,
  ticked_by text not null,
  ticked_at timestamptz not null default now(),
  primary key (dataset_id, step)
);

-- Leads by when they became one, as far as it is known.
create index lead_begun on lead ((coalesce(generated_at, learned_at)));
