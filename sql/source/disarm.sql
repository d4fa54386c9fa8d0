-- Wakes up: whoever writes from now on does not ring.
-- Parameters: $1 first key of the doorbell's lock (int4), $2 the table's oid (int4).
select pg_advisory_unlock($1::int4, $2::int4);
