-- Who signed in to the page on its own: a word in a cookie of their browser gets them another bearer, once, and the next word. Of words
-- only hashes are kept; the one before is good for who asks for the same renewal again, whose answer got lost.
create table page_sign_in (
  id uuid primary key,
  word_hash bytea not null,
  word_before bytea,
  renewal_id uuid,
  crm text not null,
  account text not null,
  user_id text not null,
  -- what the CRM said of the user last
  admin boolean not null,
  host text,
  ends_at timestamptz not null
);
create index page_sign_in_end on page_sign_in (ends_at);

alter table page_session add column sign_in_id uuid references page_sign_in on delete set null;
