-- The durability gate: how far the write-ahead log was inserted and how far it is on disk. No parameters.
select pg_current_wal_insert_lsn() as inserted, pg_current_wal_flush_lsn() as flushed;
