-- What some chunks hold: for each its place, its rows, and a SHA-256 over the bytes of each row in id order. In the binary form every field
-- says how long it is, so that other rows never give the same bytes. Several chunks a statement, because the server then keeps the memory
-- it needs for one. Sent as one message, which is one transaction, so that the settings end with it.
-- Variables: firsts, lasts (SQL of ours: int8 arrays, both ends included), columns, bytes (SQL of ours; bytes: the row itself, or its own
-- digest where rows are wide), table (quoted), id (name).
set local enable_seqscan = off;
set local enable_bitmapscan = off;
set local enable_sort = off;
set local max_parallel_workers_per_gather = 0;
select c.place, d.rows, d.sha256
  from rows from (pg_catalog.unnest(:firsts), pg_catalog.unnest(:lasts)) with ordinality as c (first, last, place),
       lateral (select pg_catalog.count(*) as rows,
                       pg_catalog.encode(pg_catalog.sha256(pg_catalog.string_agg(:bytes, ''::pg_catalog.bytea)), 'hex') as sha256
                  from (select pg_catalog.record_send(row(:columns)) as bytes
                          from :table as e where e.:"id" >= c.first and e.:"id" <= c.last order by e.:"id") as r) as d;
