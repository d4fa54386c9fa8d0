-- Refuses what would change events of a log; lets the oldest of them go in a transaction that has written their certificate.
-- Parameter: schema (name).
create function :"schema".filter_sql_command() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $counterfoil$
begin
    if TG_OP = 'DELETE' and exists (select from :"schema".pruned as p where p.xact = pg_current_xact_id()::text::bigint) then
        return null;
    end if;
    raise insufficient_privilege using
        message = TG_OP || ' is not allowed on ' || quote_ident(TG_TABLE_SCHEMA) || '.' || quote_ident(TG_TABLE_NAME) || ': events never change',
        hint = 'The oldest events go by: counterfoil capture prune';
end
$counterfoil$;
