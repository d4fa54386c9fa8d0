-- The lowest and the highest id: two index probes of one snapshot.
-- Variables: table (quoted), id (name).
select pg_catalog.min(e.:"id")::pg_catalog.int8 as lowest, pg_catalog.max(e.:"id")::pg_catalog.int8 as highest from :table as e;
