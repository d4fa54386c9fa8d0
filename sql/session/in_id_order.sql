-- Makes a session read the event table in the order of its key's index, so that the first row comes at once and nothing is sorted.
-- Run once per session that reads rows, after the pins. No parameters.
set enable_sort = off;
set enable_incremental_sort = off;
set enable_seqscan = off;
set enable_bitmapscan = off;
set max_parallel_workers_per_gather = 0;
