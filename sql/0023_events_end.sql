-- Events of the outbox go when nobody can want them any more: some time after their delivery, and a
-- year after they happened where nobody ever took them.
set local role soleflip_owner;

alter table compliance.retention_rule drop constraint retention_rule_raw_table_check;
alter table compliance.retention_rule add constraint retention_rule_table_is_known
check (raw_table ~ '^(raw_[a-z]+|integration|realtime)\.[a-z][a-z0-9_]*$');
comment on table compliance.retention_rule is
'How long what is personal stays in raw: after keep_days from a row''s first sight json_path is'
' removed from its payload; * stands for every element of a list. Events of the outbox go whole.'
' Change keep_days as you must.';

insert into compliance.retention_rule (raw_table, json_path, keep_days, reason) values
('realtime.event', '{delivered}', 90, 'who was to hear of it has; days count from the delivery'),
('realtime.event', '{undelivered}', 365, 'nobody took it, and after a year it is no news');

grant delete on table realtime.event to soleflip_loader;
