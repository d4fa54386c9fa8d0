-- The triggers of a table and of its partitions at every level.
-- c is the table in pg_class.
array(select (g.oid, g.tgenabled, g.tgfoid, g.tgtype)
        from pg_catalog.pg_trigger as g
       where g.tgrelid in (select c.oid union select part.relid from pg_catalog.pg_partition_tree(c.oid::pg_catalog.regclass) as part)
       order by g.oid)
