-- A table and, where it is partitioned, all partitions below it, each with its triggers of ours.
-- Parameter: $1 the table's oid.
with recursive tree as (
  select $1::oid as oid
  union all
  select i.inhrelid from tree t join pg_inherits i on i.inhparent = t.oid join pg_class c on c.oid = i.inhrelid and c.relispartition
)
select c.oid,
       n.nspname::text as schema,
       c.relname::text as name,
       c.relkind::text as kind,
       array(
         select g.tgname::text from pg_trigger g where g.tgrelid = c.oid and g.tgname in ('~counterfoil', '~counterfoil_truncate') order by g.tgname
       ) as triggers,
       array(
         select g.tgenabled::text from pg_trigger g where g.tgrelid = c.oid and g.tgname in ('~counterfoil', '~counterfoil_truncate') order by g.tgname
       ) as enabled,
       array(
         select g.tgtype::int4 from pg_trigger g where g.tgrelid = c.oid and g.tgname in ('~counterfoil', '~counterfoil_truncate') order by g.tgname
       ) as events,
       array(
         select fn.nspname::text || '.' || f.proname::text from pg_trigger g join pg_proc f on f.oid = g.tgfoid join pg_namespace fn on fn.oid = f.pronamespace
          where g.tgrelid = c.oid and g.tgname in ('~counterfoil', '~counterfoil_truncate') order by g.tgname
       ) as functions,
       array(
         select encode(g.tgargs, 'hex') from pg_trigger g where g.tgrelid = c.oid and g.tgname in ('~counterfoil', '~counterfoil_truncate') order by g.tgname
       ) as arguments
  from tree t
  join pg_class c on c.oid = t.oid
  join pg_namespace n on n.oid = c.relnamespace
 order by t.oid = $1 desc, n.nspname, c.relname;
