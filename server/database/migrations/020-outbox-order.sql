-- Events are taken in the order of their key: where many are of one instant, none of them has to be sorted for the next batch.
alter table outbox drop constraint outbox_pkey, add primary key (dataset_id, occurred_at, position, event_id);
