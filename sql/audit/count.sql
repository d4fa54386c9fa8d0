-- How many rows lie in a range, by whatever is quickest.
-- Variables: table (quoted), range (SQL of ours).
select pg_catalog.count(*) from :table as e where :range;
