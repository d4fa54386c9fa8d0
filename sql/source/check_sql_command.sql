-- Lets filter_sql_command refuse UPDATE, DELETE and TRUNCATE, whatever session_replication_role says. Parameters: schema, table (names).
create trigger check_sql_command
before update or delete or truncate on :"schema".:"table"
for each statement execute function :"schema".filter_sql_command();
alter table :"schema".:"table" enable always trigger check_sql_command;
