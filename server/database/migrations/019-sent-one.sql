-- The one event that a route sends while it only tries out: which it is, and where the ledger has it.
alter table route add column sent_one uuid, add column sent_one_at timestamptz;
