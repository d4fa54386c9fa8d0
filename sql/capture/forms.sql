-- How the values of a table's columns stand in the JSON of a row: as text, as JSON that is the value itself, as arrays, or as whatever the type
-- is cast to, from which the value cannot be had back.
-- Parameter: $1 the table's oid.
with recursive types as (
  select a.attnum, a.atttypid as type from pg_attribute a where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
  union all
  select p.attnum, t.typbasetype from types p join pg_type t on t.oid = p.type where t.typtype = 'd'
), base as (
  select p.attnum, t.oid, t.typtype, t.typelem, t.typlen from types p join pg_type t on t.oid = p.type where t.typtype <> 'd'
), elements as (
  select b.attnum, t.oid, t.typtype, t.typdelim from base b join pg_type t on t.oid = b.typelem where b.typelem <> 0 and b.typlen = -1
)
select a.attname::text as name,
       case when b.oid in ('json'::regtype, 'jsonb'::regtype) then 'json'
            when b.oid in ('int2vector'::regtype, 'oidvector'::regtype) then 'opaque'
            when e.oid in ('json'::regtype, 'jsonb'::regtype) then 'array of json'
            when e.typtype in ('c', 'd') or e.typdelim <> ',' then 'opaque'
            when e.oid is not null and not exists (select from pg_cast k where k.castsource = e.oid and k.casttarget = 'json'::regtype) then 'array'
            when e.oid is not null or b.typtype = 'c' then 'opaque'
            when exists (select from pg_cast k where k.castsource = b.oid and k.casttarget = 'json'::regtype) then 'opaque'
            else 'scalar' end as form
  from pg_attribute a
  join base b on b.attnum = a.attnum
  left join elements e on e.attnum = a.attnum
 where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped;
