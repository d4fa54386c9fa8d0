-- Whom a session waits for, and whom those wait for in turn: a chain can lead through a session that is not ours.
-- Parameters: $1 its process number (int4).
with recursive waited_for(pid) as (
    select pg_catalog.unnest(pg_catalog.pg_blocking_pids($1))
    union
    select pg_catalog.unnest(pg_catalog.pg_blocking_pids(waited_for.pid)) from waited_for
)
select coalesce(pg_catalog.array_agg(pid), '{}'::pg_catalog.int4[]) from waited_for;
