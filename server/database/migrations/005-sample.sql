-- One request of a webhook connection, kept sealed for a day so that a person can say where its fields are.
create table sample (
  connection_id int primary key,
  wanted_until timestamptz not null,
  body bytea,
  received_at timestamptz
);
