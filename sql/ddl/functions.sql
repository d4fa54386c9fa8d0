-- Lists the functions of a schema that bear one of the names that init gives. Parameter: schema (literal).
select
    function.proname::text as name,
    pg_catalog.array_to_string(array(
        select pg_catalog.format_type(argument.type, null)
        from pg_catalog.unnest(function.proargtypes) with ordinality as argument (type, place)
        order by argument.place
    ), ', ') as types,
    coalesce(function.proargnames, '{}') as arguments,
    pg_catalog.format_type(function.prorettype, null) as result,
    language.lanname::text as language,
    function.prosrc as body
from pg_catalog.pg_proc as function
join pg_catalog.pg_namespace as namespace on namespace.oid = function.pronamespace
join pg_catalog.pg_language as language on language.oid = function.prolang
where namespace.nspname = :'schema'
    and function.proname in (
        'insert_events', 'filter_sql_command', 'counterfoil_doorbell', 'notify_event_insert', 'counterfoil_guard', 'restore_events'
    )
order by function.proname, types
