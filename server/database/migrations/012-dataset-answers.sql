-- `extension`: set up at Meta with its Business Extension; a system user of the customer's business has the token.
alter table dataset
  drop constraint dataset_access_check,
  add constraint dataset_access_check check (access in ('pasted', 'login', 'shared', 'extension')),
  -- What whoever connected it said: whether it is a dataset for CRM events. Null: nobody was asked.
  add column crm_dataset text check (crm_dataset in ('yes', 'no', 'unknown')),
  -- The next event of a real lead goes with this code, to tell whether Meta takes it; only until then, because codes change.
  add column test_event_code text,
  add column test_event_until timestamptz;

-- The answer, while Meta asks for consent.
alter table consent add column crm_dataset text;

-- By what Meta's Business Extension knows an advertiser, for as long as there is the workspace.
alter table workspace add column external_business_id uuid not null default gen_random_uuid();
