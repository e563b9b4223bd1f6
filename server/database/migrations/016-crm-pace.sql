-- Requests to a CRM that count against one of its limits, whichever process makes them: until when each takes its place. Worth nothing
-- after some seconds, so it need not survive a crash.
create unlogged table crm_pace (
  connection_id integer not null references connection,
  bucket text not null,
  taken timestamptz[] not null,
  primary key (connection_id, bucket)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
