-- How many events there are, and the highest id, of one snapshot: without a condition it is what is counted quickest.
-- Parallel workers are allowed for this statement only: both are sent as one message, which is one transaction.
-- Variables: id (name of the id column), table (quoted).
set local max_parallel_workers_per_gather = 4;
select pg_catalog.count(*), pg_catalog.max(e.:"id")::pg_catalog.int8 from :table as e;
