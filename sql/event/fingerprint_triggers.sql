-- The triggers of a table. The catalog says of a table that has or had none that it has none.
-- c is the table in pg_class.
case when c.relhastriggers then
    array(select (g.oid, g.tgenabled, g.tgfoid, g.tgtype)
            from pg_catalog.pg_trigger as g
           where g.tgrelid operator(pg_catalog.=) c.oid
           order by g.oid)
end
