-- How many events a range holds, and the sum of their digests: equal on both sides if the events are, whatever the order of reading.
-- Limited in time; sent as one message, which is one transaction, so that the limit ends with it.
-- Variables: table (quoted), range (a condition made by us), columns (expressions made by us), limit_ms.
set local max_parallel_workers_per_gather = 4;
set local statement_timeout = :limit_ms;
select pg_catalog.count(*),
       pg_catalog.sum(('x' || pg_catalog.left(pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(row(:columns)::pg_catalog.text, 'UTF8')), 'hex'), 16))::pg_catalog.bit(64)::pg_catalog.int8)
  from :table as e
 where :range;
