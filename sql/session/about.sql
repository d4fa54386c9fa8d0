-- What the checks and init want to know of a server beyond what every session asks, as one row.
-- No parameters.
select pg_catalog.current_setting('max_prepared_transactions')::pg_catalog.int4 as prepared_max,
       pg_catalog.current_setting('fsync') = 'on' as is_fsync_on,
       pg_catalog.current_database()::pg_catalog.text as database,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') as may_create_schema;
