-- Changes of which the CRM told no time, by a hash of record, stage and the id that it gave to the change: what comes again
-- under the same key is a repeat.
create table change_seen (
  connection_id int not null,
  key bytea not null,
  seen_at timestamptz not null,
  primary key (connection_id, key)
);
create index change_seen_age on change_seen (seen_at);
