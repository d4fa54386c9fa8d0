-- Says that a replicator feeds this table, for as long as the session lives. False when another one does.
-- Parameters: $1 first key of the replicator's lock (int4), $2 the table's oid (int4).
select pg_catalog.pg_try_advisory_lock($1::pg_catalog.int4, $2::pg_catalog.int4);
