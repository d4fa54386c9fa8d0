-- How many rows have no id: no range holds them.
-- Variables: table (quoted), id (name).
select pg_catalog.count(*) from :table as e where e.:"id" is null;
