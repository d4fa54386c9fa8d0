-- How many rows of a range the table itself holds, whatever its indexes say.
-- Variables: table (quoted), range (SQL of ours).
set local enable_indexscan = off;
set local enable_indexonlyscan = off;
set local enable_bitmapscan = off;
set local max_parallel_workers_per_gather = 0;
select pg_catalog.count(*) from :table as e where :range;
