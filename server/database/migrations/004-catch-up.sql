-- When the CRM's history is read next; and, where a connection has one of its own, the interval.
alter table cursor add column due_at timestamptz not null default '-infinity';
alter table connection add column catch_up_minutes int check (catch_up_minutes between 1 and 1440);
