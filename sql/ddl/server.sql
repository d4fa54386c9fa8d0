-- Asks what of the server, the database and our role matters to what may be created. No parameters.
select
    current_setting('server_version_num')::int4 as version_num,
    pg_is_in_recovery() as is_standby,
    current_setting('max_prepared_transactions')::int4 as prepared_transactions_max,
    current_user::text as role,
    current_database()::text as database,
    has_database_privilege(current_database(), 'CREATE') as may_create_schema
