-- The triggers of a table, with their functions as they are. Not looked for where the catalog says of a table that it has none.
-- c is the table in pg_class.
array(select (g.oid, g.tgenabled, g.tgfoid, g.tgtype,
              (select f.xmin from pg_catalog.pg_proc as f where f.oid operator(pg_catalog.=) g.tgfoid))
        from pg_catalog.pg_trigger as g
       where c.relhastriggers and g.tgrelid operator(pg_catalog.=) c.oid
       order by g.oid)
