-- Who is told of a workspace's notices. The address of a webhook may be as good as a password, so it is kept sealed
-- (`secret`, owner `recipient:<id>`), and only its origin stands here.
create table recipient (
  id int generated always as identity primary key,
  workspace_id int not null references workspace,
  kind text not null check (kind in ('email', 'webhook')),
  address text not null,
  -- whether the weekly digest goes there, too
  digest boolean not null default true,
  created_at timestamptz not null default now()
);
create unique index recipient_email on recipient (workspace_id, lower(address)) where kind = 'email';
create index recipient_workspace on recipient (workspace_id);

-- What a recipient was told last of one matter: that it is open, and, once that was told too, that it is over.
create table notice_told (
  recipient_id int not null references recipient on delete cascade,
  subject text not null,
  code text not null,
  opened_at timestamptz not null default now(),
  over_at timestamptz,
  primary key (recipient_id, subject, code)
);
create index notice_matter on notice (subject, code, id);

-- Mails and webhook requests, each for one recipient. Those that went stay a month.
create table message (
  id bigint generated always as identity primary key,
  recipient_id int not null references recipient on delete cascade,
  kind text not null check (kind in ('notices', 'digest')),
  content jsonb not null,
  created_at timestamptz not null default now(),
  not_before timestamptz not null default '-infinity',
  attempts int not null default 0,
  outcome text check (outcome in ('sent', 'given_up')),
  last_error text,
  settled_at timestamptz
);
create index message_due on message (not_before) where settled_at is null;
create index message_recipient on message (recipient_id, id);

-- When a workspace gets its weekly digest (ISO: Monday is 1), and up to when it has been told.
create table digest (
  workspace_id int primary key references workspace,
  enabled boolean not null default true,
  weekday smallint not null default 1 check (weekday between 1 and 7),
  hour smallint not null default 8 check (hour between 0 and 23),
  time_zone text not null default 'UTC',
  told_until timestamptz not null default now()
);

-- The hours in which something happened at a connection, for some weeks: by them its silence is judged.
create table active_hour (
  connection_id int not null,
  hour timestamptz not null,
  primary key (connection_id, hour)
);
