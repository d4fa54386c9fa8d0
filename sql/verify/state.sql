-- What bears a table's name now: its columns, types, defaults and triggers, whether it was renamed, its files; which transactions have ended for certain, and
-- the time of day at the server, for people. One row, also where nothing bears the name.
-- Variables: qualified (schema and table quoted for SQL, as a literal), definition, renames, files (SQL of ours; c is the table in pg_class:
-- event/fingerprint.sql, event/fingerprint_renames.sql, source/gate_files.sql).
select pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()) as xmin,
       pg_catalog.to_char(pg_catalog.now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as now,
       of_name.*
  from (values (1)) as one (row)
  left join lateral (
       select :definition as definition, :renames as renames, :files as files
         from pg_catalog.pg_class as c
        where c.oid operator(pg_catalog.=) pg_catalog.to_regclass(:'qualified')::pg_catalog.oid
  ) as of_name on true;
