-- Locks a key nobody else knows, so that other sessions of the same database can see it.
-- Parameters: $1 the key.
select pg_catalog.pg_advisory_lock_shared($1);
