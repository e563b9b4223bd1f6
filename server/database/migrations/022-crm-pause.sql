-- How long the CRM wants nothing to be asked, as one process was told and all keep to.
alter table crm_pace add column paused_until timestamptz;
