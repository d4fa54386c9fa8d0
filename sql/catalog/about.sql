-- What the server says of itself, as one row.
-- No parameters.
select pg_catalog.current_setting('server_version_num')::pg_catalog.int4 as version_num,
       pg_catalog.version() as version,
       pg_catalog.pg_is_in_recovery() as is_standby,
       pg_catalog.current_setting('server_encoding') as encoding,
       pg_catalog.current_setting('max_prepared_transactions')::pg_catalog.int4 as prepared_max,
       pg_catalog.current_setting('fsync') = 'on' as is_fsync_on,
       current_user::pg_catalog.text as role;
