-- Takes the fence of a batch, as begin.sql does. Parameters: $1, $2 the lock's keys (int4).
select pg_catalog.pg_advisory_xact_lock($1::pg_catalog.int4, $2::pg_catalog.int4);
