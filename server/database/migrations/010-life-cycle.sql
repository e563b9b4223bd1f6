-- Since when the CRM has refused a connection, when it was removed, and when what was known through it was deleted.
alter table connection
  add column disconnected_at timestamptz,
  add column removed_at timestamptz,
  add column purged_at timestamptz;
update connection set removed_at = now() where state = 'removed';
update connection set disconnected_at = now() where state = 'attention' and state_reason = 'reconnect';

-- The trail is read by its workspace, the latest first.
create index audit_workspace on audit (workspace_id, id);

-- What Meta's data-deletion callback was asked. Of the request only a hash is kept: the same one again gets the same answer.
create table deletion_request (
  code text primary key,
  request_hash bytea not null unique,
  received_at timestamptz not null default now(),
  leads int not null
);
