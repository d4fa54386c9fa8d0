-- The lowest and the highest id: two probes of the index.
-- Variables: id (name of the id column), table (quoted).
select (select min(t.:"id") from :table t)::int8 as lowest,
       (select max(t.:"id") from :table t)::int8 as highest;
