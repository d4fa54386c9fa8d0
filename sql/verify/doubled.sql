-- The first ids of a range that are there more than once: of a table whose key does not exclude it, or whose index is damaged.
-- Variables: table (quoted), id (name), range (SQL of ours), ids_max.
set local enable_seqscan = off;
set local enable_bitmapscan = off;
set local max_parallel_workers_per_gather = 0;
select e.:"id"::pg_catalog.int8
  from :table as e where :range
 group by e.:"id" having pg_catalog.count(*) > 1
 order by e.:"id" limit :ids_max;
