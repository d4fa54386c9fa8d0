-- The last ids of the next chunks: every so many rows of a range, so many chunks at most. An index-only scan.
-- Variables: table (quoted), id (name), range (SQL of ours), chunk_rows, rows_max.
set local enable_seqscan = off;
set local enable_bitmapscan = off;
set local enable_sort = off;
set local max_parallel_workers_per_gather = 0;
select r.id
  from (select e.:"id" as id, pg_catalog.row_number() over (order by e.:"id") as place
          from :table as e where :range order by e.:"id" limit :rows_max) as r
 where r.place % :chunk_rows = 0
 order by r.id;
