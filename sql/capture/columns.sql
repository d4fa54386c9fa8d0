-- The columns of a table in their order, and the leaves of their types: what domains, arrays, composites and ranges are made of, and whether
-- a leaf is the bound of a range.
-- Parameter: $1 the table's oid.
with recursive parts as (
  select a.attnum, a.atttypid as type, false as is_bound
    from pg_attribute a where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
  union
  select p.attnum, inner_type.oid, p.is_bound or t.typtype = 'r'
    from parts p
    join pg_type t on t.oid = p.type
   cross join lateral (
     select t.typbasetype as oid where t.typtype = 'd'
     union all
     select t.typelem where t.typelem <> 0 and t.typlen = -1 and t.typtype not in ('c', 'd')
     union all
     select f.atttypid from pg_attribute f where t.typtype = 'c' and f.attrelid = t.typrelid and f.attnum > 0 and not f.attisdropped
     union all
     select r.rngsubtype from pg_range r where t.typtype = 'r' and r.rngtypid = t.oid
   ) as inner_type
)
select a.attname::text as name,
       format_type(a.atttypid, a.atttypmod) as type,
       a.attnotnull as is_not_null,
       a.attgenerated::text as generated,
       array(
         select distinct case when t.typtype = 'e' then 'enum'
                              when t.typnamespace = 'pg_catalog'::regnamespace then t.typname::text
                              else format_type(t.oid, null) end
                || case when p.is_bound then ' bound' else '' end
           from parts p
           join pg_type t on t.oid = p.type
          where p.attnum = a.attnum and t.typtype in ('b', 'e', 'm')
            and not (t.typelem <> 0 and t.typlen = -1)
          order by 1
       ) as leaves
  from pg_attribute a
 where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
 order by a.attnum;
