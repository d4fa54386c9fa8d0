-- How many rows of a range the table holds, and how many its index of the id knows, of one snapshot: other numbers mean a damaged index. Sent as one
-- message, which is one transaction, so that the settings end with it.
-- Variables: table (quoted), range (SQL of ours).
set transaction isolation level repeatable read, read only;
set local max_parallel_workers_per_gather = 0;
set local enable_indexscan = off;
set local enable_indexonlyscan = off;
set local enable_bitmapscan = off;
select pg_catalog.count(*) from :table as e where :range;
set local enable_indexscan = on;
set local enable_indexonlyscan = on;
set local enable_seqscan = off;
select pg_catalog.count(*) from :table as e where :range;
