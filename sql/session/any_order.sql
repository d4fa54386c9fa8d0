-- Lets a session count in whatever way is quickest, after it was made to read in the order of ids. No parameters.
reset enable_sort;
reset enable_incremental_sort;
reset enable_seqscan;
reset enable_bitmapscan;
reset max_parallel_workers_per_gather;
