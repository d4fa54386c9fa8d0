-- The relation that is to be captured, of a name or of an oid; no row where there is none.
-- Parameters: $1 schema, $2 name (text), $3 oid, which is asked for where the name is NULL.
select c.oid,
       n.nspname::text as schema,
       c.relname::text as name,
       c.relkind::text as kind,
       c.relpersistence::text as persistence,
       c.relispartition as is_partition,
       c.relkind in ('r', 'f') and exists (select from pg_inherits i where i.inhparent = c.oid) as has_children,
       pg_has_role(c.relowner, 'USAGE') as is_owned,
       pg_get_userbyid(c.relowner)::text as owner
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where case when $2::text is null then c.oid = $3::oid else n.nspname = $1::text and c.relname = $2::text end;
