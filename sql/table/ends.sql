-- The lowest and the highest id: two probes of the index, one snapshot.
-- Variables: id (name of the id column), table (quoted).
select (select pg_catalog.min(e.:"id") from :table as e)::pg_catalog.int8 as lowest,
       (select pg_catalog.max(e.:"id") from :table as e)::pg_catalog.int8 as highest;
