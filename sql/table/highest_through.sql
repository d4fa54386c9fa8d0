-- The highest id of a range.
-- Variables: id (name of the id column), table (quoted), range (a condition made by us).
select pg_catalog.max(e.:"id")::pg_catalog.int8 as highest from :table as e where :range;
