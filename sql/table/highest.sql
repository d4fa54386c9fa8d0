-- The highest id: at a destination its position; NULL while it is empty.
-- Variables: table (quoted), id (name of the id column).
select pg_catalog.max(e.:"id")::pg_catalog.int8 as highest from :table as e;
