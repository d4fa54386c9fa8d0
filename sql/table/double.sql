-- The lowest id that is there more than once; no row where none is. Reads the index of the id from its beginning.
-- Variables: table (quoted), id (name of the id column).
select d.id::pg_catalog.int8
  from (select e.:"id" as id, pg_catalog.lag(e.:"id") over (order by e.:"id") as before from :table as e) as d
 where d.id = d.before
 limit 1;
