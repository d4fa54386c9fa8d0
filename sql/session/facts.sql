-- Reads what tells one server, and one state of it, from another, and whether pg_locks can be trusted:
-- a PostgreSQL always shows the lock of the asking transaction itself. Runs under the role's own search_path as well (the probe for a pooler
-- sets nothing), so every function and operator is qualified. No parameters.
select
    pg_catalog.current_setting('server_version_num')::pg_catalog.int4 as version_num,
    pg_catalog.pg_backend_pid() as backend_pid,
    current_user::pg_catalog.text as role,
    pg_catalog.current_setting('server_encoding') as server_encoding,
    pg_catalog.pg_is_in_recovery() as is_in_recovery,
    pg_catalog.current_setting('transaction_read_only') operator(pg_catalog.=) 'on' as is_read_only,
    (extract(epoch from pg_catalog.pg_postmaster_start_time()) operator(pg_catalog.*) 1000000)::pg_catalog.int8 as started_at_us,
    case when not pg_catalog.pg_is_in_recovery()
        then pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8)
    end as timeline,
    (select oid from pg_catalog.pg_database where datname operator(pg_catalog.=) pg_catalog.current_database()) as database_oid,
    exists (
        select from pg_catalog.pg_locks where locktype operator(pg_catalog.=) 'virtualxid' and pid operator(pg_catalog.=) pg_catalog.pg_backend_pid() and granted
    ) as has_own_lock;
