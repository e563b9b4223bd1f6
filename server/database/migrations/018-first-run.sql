-- What an admin answered on the way through the first run, where no setting says it: who said so, and when.
create table first_run (
  connection_id int not null references connection,
  step text not null,
  answer text not null,
  answered_by text not null,
  answered_at timestamptz not null default now(),
  primary key (connection_id, step)
);
