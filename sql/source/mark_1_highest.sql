-- The mark, statement 1 of 3: the highest visible id, and how far the sequence has come, which is read after the snapshot was taken: every id that
-- is visible and came from it is drawn by then. And which server this is, so that a switch is noticed.
-- Variables: schema, table, id (names); qualified (schema and table quoted for SQL, as a literal); drawn (SQL of ours: mark_1_drawn.sql, or NULL).
select (select max(:"id")::int8 from :"schema".:"table") as highest,
       (:drawn)::int8 as drawn,
       to_regclass(:'qualified')::oid as table_oid,
       pg_is_in_recovery() as is_in_recovery,
       pg_postmaster_start_time()::text as started_at,
       case when not pg_is_in_recovery() then substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) end as timeline;
