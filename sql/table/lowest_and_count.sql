-- The lowest id of all, and how many events a range holds: one snapshot.
-- Parallel workers are allowed for this statement only: both are sent as one message, which is one transaction.
-- Variables: id (name of the id column), table (quoted), range (a condition made by us).
set local max_parallel_workers_per_gather = 4;
select (select pg_catalog.min(l.:"id") from :table as l)::pg_catalog.int8 as lowest, pg_catalog.count(*) as events
  from :table as e
 where :range;
