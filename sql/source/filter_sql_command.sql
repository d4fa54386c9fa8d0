-- Refuses what would change events that are there. Parameter: schema (name).
create function :"schema".filter_sql_command() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $counterfoil$
begin
    raise insufficient_privilege using
        message = TG_OP || ' is not allowed on ' || quote_ident(TG_TABLE_SCHEMA) || '.' || quote_ident(TG_TABLE_NAME) || ': events never change',
        hint = 'Correct an event by inserting another one.';
end
$counterfoil$;
