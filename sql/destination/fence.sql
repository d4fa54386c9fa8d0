-- Takes the fence of a batch: one replicator at a time between its look at the position and its commit. Ends with the transaction.
-- Parameters: $1, $2 the lock's keys (int4).
select pg_catalog.pg_advisory_xact_lock($1::pg_catalog.int4, $2::pg_catalog.int4);
