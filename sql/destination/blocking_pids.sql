-- Which server processes the one with this number waits for.
-- Parameters: $1 its number (int4).
select pg_catalog.pg_blocking_pids($1);
