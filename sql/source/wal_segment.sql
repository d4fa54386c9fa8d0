-- Bytes of a segment of the write-ahead log: the first page of each begins with a longer header. No parameters.
select pg_size_bytes(current_setting('wal_segment_size'));
