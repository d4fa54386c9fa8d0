-- How many events a range holds. Parallel workers are allowed for this statement only: both are sent as one message, which is one transaction.
-- Variables: table (quoted), range (a condition made by us).
set local max_parallel_workers_per_gather = 4;
select pg_catalog.count(*) from :table as e where :range;
