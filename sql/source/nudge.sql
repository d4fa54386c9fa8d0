-- Writes about 60 bytes of write-ahead log and, under synchronous_commit = local, flushes everything before them. No parameters.
select pg_logical_emit_message(true, 'counterfoil', '');
