-- The files of a table and of its partitions at every level, each with the oid it belongs to.
-- c is the table in pg_class.
(with recursive tree(oid) as (
     select c.oid
     union all
     select i.inhrelid from tree join pg_inherits as i on i.inhparent = tree.oid
 )
 select array_agg(p.oid::int8 << 32 | p.relfilenode::int8) from tree join pg_class as p on p.oid = tree.oid)
