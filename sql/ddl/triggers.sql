-- Lists the triggers of a table that a person made. Parameters: schema, name (literals).
select
    fired.tgname::text as name,
    fired.tgtype as events,
    fired.tgenabled::text as enabled,
    function_namespace.nspname::text as function_schema,
    function.proname::text as function,
    pg_catalog.pg_get_triggerdef(fired.oid, false) as definition
from pg_catalog.pg_trigger as fired
join pg_catalog.pg_class as relation on relation.oid = fired.tgrelid
join pg_catalog.pg_namespace as namespace on namespace.oid = relation.relnamespace
join pg_catalog.pg_proc as function on function.oid = fired.tgfoid
join pg_catalog.pg_namespace as function_namespace on function_namespace.oid = function.pronamespace
where namespace.nspname = :'schema' and relation.relname = :'name' and not fired.tgisinternal
order by fired.tgname
