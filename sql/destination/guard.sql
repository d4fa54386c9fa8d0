-- Lets counterfoil_guard judge every change, whatever session_replication_role says. Parameters: schema, table (names).
create trigger counterfoil_guard
before insert or update or delete or truncate on :"schema".:"table"
for each statement execute function :"schema".counterfoil_guard();
alter table :"schema".:"table" enable always trigger counterfoil_guard;
