-- Whether the sequence of a log gives ids out one after the other, as they are drawn. Parameters: $1 schema, $2 name (text).
select s.seqincrement = 1 and s.seqcache = 1 and not s.seqcycle as is_in_order
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and d.classid = 'pg_class'::regclass and d.deptype = 'i'
  join pg_sequence s on s.seqrelid = d.objid
 where n.nspname = $1 and c.relname = $2;
