-- What there is beside an event table whose columns are those of a log: whether readers are noted, whether our role may do it, and whether it
-- may read the certificates of what was pruned. Variables: readers, pruned (literals: the names, quoted).
select r.is_ours as has_readers,
       r.is_ours and not pg_catalog.pg_is_in_recovery() and pg_catalog.has_table_privilege(r.oid, 'SELECT')
         and pg_catalog.has_table_privilege(r.oid, 'INSERT') and pg_catalog.has_table_privilege(r.oid, 'UPDATE') as may_note,
       p.is_ours and pg_catalog.has_table_privilege(p.oid, 'SELECT') as may_read_pruned
  from (select t.oid, (select pg_catalog.count(*) = 5 from pg_catalog.pg_attribute as a
                        where a.attrelid = t.oid and not a.attisdropped and a.attname in ('name', 'place', 'position', 'keeps', 'seen_at')) as is_ours
          from (select pg_catalog.to_regclass(:'readers')::pg_catalog.oid as oid) as t) as r,
       (select t.oid, (select pg_catalog.count(*) = 4 from pg_catalog.pg_attribute as a
                        where a.attrelid = t.oid and not a.attisdropped and a.attname in ('first_id', 'through', 'events', 'digest')) as is_ours
          from (select pg_catalog.to_regclass(:'pruned')::pg_catalog.oid as oid) as t) as p;
