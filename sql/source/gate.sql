-- The durability gate: how far the write-ahead log was inserted and how far it is on disk; and whether the table is still the one that was
-- compared: its columns, and its files, which TRUNCATE and every rewrite replace. NULL for both positions on a standby, which holds nothing
-- that is not on disk.
-- Variables: fingerprint (SQL of ours: event/fingerprint.sql), oid (SQL of ours).
select case when not pg_is_in_recovery() then pg_current_wal_insert_lsn() end as inserted,
       case when not pg_is_in_recovery() then pg_current_wal_flush_lsn() end as flushed,
       (:fingerprint) as fingerprint,
       (select md5(string_agg(c.relfilenode::text, ',' order by c.oid))
          from pg_class as c
         where c.oid = :oid::oid or c.oid in (select i.inhrelid from pg_inherits as i where i.inhparent = :oid::oid)) as files;
