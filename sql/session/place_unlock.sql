-- Gives the key back.
-- Parameters: $1 the key.
select pg_catalog.pg_advisory_unlock_shared($1);
