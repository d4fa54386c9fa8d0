-- The sequences that feed a column: the one of an identity column, and those its default names.
-- The last value is null where it was never used, and where our role may not read it.
-- Parameters: $1 oid of the table, $2 the id column.
with feeding as (
  select a.attrelid, a.attnum from pg_attribute a where a.attrelid = $1 and a.attname = $2
), sequences as (
  select d.objid as oid
    from feeding f
    join pg_depend d on d.refobjid = f.attrelid and d.refobjsubid = f.attnum
   where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype = 'i'
  union
  select d.refobjid
    from feeding f
    join pg_attrdef v on v.adrelid = f.attrelid and v.adnum = f.attnum
    join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = v.oid
   where d.refclassid = 'pg_class'::regclass
)
select s.seqrelid as oid,
       n.nspname::text as schema,
       c.relname::text as name,
       s.seqincrement as increment,
       s.seqcache as cache,
       s.seqcycle as is_cycle,
       s.seqmax as value_max,
       p.may_read,
       has_sequence_privilege(s.seqrelid, 'SELECT') and has_schema_privilege(n.oid, 'USAGE') as may_select,
       case when p.may_read then pg_sequence_last_value(s.seqrelid) end as last_value
  from pg_sequence s
  join pg_class c on c.oid = s.seqrelid
  join pg_namespace n on n.oid = c.relnamespace
 cross join lateral (select has_sequence_privilege(s.seqrelid, 'SELECT, USAGE') as may_read) p
 where s.seqrelid in (select q.oid from sequences q)
 order by n.nspname, c.relname;
