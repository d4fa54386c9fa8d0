-- The durability gate: how far the write-ahead log was inserted and how far it is on disk; and whether what bears the table's name is still what was
-- compared: which table it is, its columns, defaults, triggers and sequences, and its files and those of its partitions at every level, which
-- TRUNCATE and every rewrite replace. NULL for both positions on a standby, which holds nothing that is not on disk; for the rest where nothing bears
-- the name. No lock of a table is taken, but those of partitions for a moment, where there are any.
-- Variables (SQL of ours; c is the table in pg_class): fingerprint (event/fingerprint.sql), files (gate_files.sql or that of one file);
-- qualified (schema and table quoted for SQL, as a literal).
select case when not pg_is_in_recovery() then pg_current_wal_insert_lsn() end as inserted,
       case when not pg_is_in_recovery() then pg_current_wal_flush_lsn() end as flushed,
       f.fingerprint, f.table_oid, f.files
  from (select) as one
  left join (select :fingerprint as fingerprint, c.oid as table_oid, :files as files
               from pg_class as c
              where c.oid = to_regclass(:'qualified')::oid) as f on true;
