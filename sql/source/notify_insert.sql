-- Notifies of each event on slate's channel. Parameters: schema, table (names).
create trigger notify_insert
after insert on :"schema".:"table"
for each row execute function :"schema".notify_event_insert();
alter table :"schema".:"table" enable always trigger notify_insert;
