-- The triggers of a table and of its partitions at every level, with their functions as they are.
-- c is the table in pg_class.
array(select (g.oid, g.tgenabled, g.tgfoid, g.tgtype,
              (select f.xmin from pg_catalog.pg_proc as f where f.oid operator(pg_catalog.=) g.tgfoid))
        from pg_catalog.pg_trigger as g
       where g.tgrelid operator(pg_catalog.=) any (
             select c.oid union all select part.relid from pg_catalog.pg_partition_tree(c.oid::pg_catalog.regclass) as part)
       order by g.oid)
