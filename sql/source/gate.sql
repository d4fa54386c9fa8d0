-- The durability gate: how far the write-ahead log was inserted and how far it is on disk; and whether the table is still the one that was
-- compared: its columns, and its files and those of its partitions at every level, which TRUNCATE and every rewrite replace. NULL for both
-- positions on a standby, which holds nothing that is not on disk; for columns and files of a table that is gone. No lock is taken, so that
-- nothing is waited for. Partitions are only looked for where there are or were any (pg_class.relhassubclass): this is asked for each batch.
-- Variables: fingerprint (SQL of ours: event/fingerprint.sql), oid (SQL of ours).
select case when not pg_is_in_recovery() then pg_current_wal_insert_lsn() end as inserted,
       case when not pg_is_in_recovery() then pg_current_wal_flush_lsn() end as flushed,
       (:fingerprint) as fingerprint,
       (select case when root.relhassubclass then (
                   with recursive tree(oid) as (
                       select root.oid
                       union all
                       select i.inhrelid from tree join pg_inherits as i on i.inhparent = tree.oid
                   )
                   select array_agg(c.oid::int8 << 32 | c.relfilenode::int8) from tree join pg_class as c on c.oid = tree.oid
               ) else array[root.oid::int8 << 32 | root.relfilenode::int8] end
          from pg_class as root where root.oid = :oid) as files;
