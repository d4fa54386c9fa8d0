-- Begins the transaction of one page and locks the table against whatever replaces or rewrites it. A COPY takes its snapshot before it waits for a lock,
-- and a rewrite that keeps no old rows (SET UNLOGGED, another type) would leave it an empty table to see: so the lock comes first. As long as it lasts the
-- session follows the index of the id, and types are written as text by the search path of all our sessions.
-- Variables: schema, table, id (names).
begin isolation level read committed read only;
set local enable_sort = off;
set local enable_incremental_sort = off;
set local enable_seqscan = off;
set local enable_bitmapscan = off;
set local max_parallel_workers_per_gather = 0;
set local lock_timeout = '10s';
set local search_path = pg_catalog;
select e.:"id" from :"schema".:"table" as e limit 0;
