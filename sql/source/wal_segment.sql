-- Bytes of a segment and of a page of the write-ahead log: the first page of each segment begins with a longer header. No parameters.
select pg_size_bytes(current_setting('wal_segment_size')) as segment_bytes,
       current_setting('wal_block_size')::int8 as page_bytes;
