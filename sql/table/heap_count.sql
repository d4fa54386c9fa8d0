-- How many rows of a range and beyond it the table itself holds, whatever its indexes say; of what lies beyond, how many the table holds and how many its
-- index of the id knows. Of one snapshot; sent as one message, which is one transaction, so that the settings end with it.
-- Variables: table (quoted), within, beyond (SQL of ours; false: of no row).
set transaction isolation level repeatable read, read only;
set local max_parallel_workers_per_gather = 0;
set local enable_indexscan = off;
set local enable_indexonlyscan = off;
set local enable_bitmapscan = off;
select pg_catalog.count(*), pg_catalog.count(*) filter (where :beyond) from :table as e
 where (:within) or (:beyond);
set local enable_indexscan = on;
set local enable_indexonlyscan = on;
set local enable_seqscan = off;
select pg_catalog.count(*) from :table as e where :beyond;
