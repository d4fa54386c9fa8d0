-- The durability gate: how far the write-ahead log was inserted and how far it is on disk; and whether the columns are still those that
-- were read. NULL for both positions on a standby, which holds nothing that is not on disk.
-- Variables: fingerprint (SQL of ours: event/fingerprint.sql).
select case when not pg_is_in_recovery() then pg_current_wal_insert_lsn() end as inserted,
       case when not pg_is_in_recovery() then pg_current_wal_flush_lsn() end as flushed,
       (:fingerprint) as fingerprint;
