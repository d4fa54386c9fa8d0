-- The table that a reflection writes: its columns.
-- Parameters: $1 schema, $2 name (text).
select c.oid, c.relkind::text as kind,
       a.attname::text as name,
       format_type(a.atttypid, a.atttypmod) as type,
       a.attnotnull and not a.atthasdef and a.attidentity = '' as must_be_given,
       a.attgenerated <> '' or a.attidentity = 'a' as cannot_be_given,
       has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert') and has_table_privilege(c.oid, 'update')
         and has_table_privilege(c.oid, 'delete') as may_write,
       exists (select from pg_trigger g where g.tgrelid = c.oid and not g.tgisinternal and g.tgenabled <> 'D') as has_triggers
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where n.nspname = $1::text and c.relname = $2::text and c.relkind in ('r', 'p')
 order by a.attnum;
