-- The highest id at the source.
-- Variables: id (name of the id column), table (quoted).
select max(t.:"id")::int8 as highest from :table t;
