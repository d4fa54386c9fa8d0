-- The columns of a table in their order. Types outside pg_catalog are named with their schema, whatever search_path says, and quoted by a rule of our
-- own: quote_ident quotes key words, of which each major version has others, and both sides must give one type one name.
-- Parameters: $1 oid of the table.
select a.attname::pg_catalog.text as name,
       case when tn.nspname = 'pg_catalog'
            then pg_catalog.format_type(a.atttypid, a.atttypmod)
            else pg_catalog.concat(
                   own.name,
                   substring(pg_catalog.format_type(a.atttypid, a.atttypmod) from '\([0-9A-Za-z, ]*\)'),
                   case when e.oid is not null then '[]' end)
        end as type_name,
       a.atttypid as type_oid,
       a.attnotnull or t.typnotnull as is_not_null,
       a.atthasdef or a.attidentity <> '' or t.typdefault is not null as has_default,
       a.attidentity <> '' as is_identity,
       a.attgenerated <> '' as is_generated,
       pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT') as may_select,
       pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'INSERT') as may_insert
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_type t on t.oid = a.atttypid
  join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace
  left join pg_catalog.pg_type e on e.oid = t.typelem and t.typcategory = 'A'
  left join pg_catalog.pg_namespace en on en.oid = e.typnamespace
 cross join lateral (
       select pg_catalog.string_agg(case when part ~ '^[a-z_][a-z0-9_]*$' then part
                                         else pg_catalog.concat('"', pg_catalog.replace(part, '"', '""'), '"') end, '.' order by n) as name
         from pg_catalog.unnest(array[coalesce(en.nspname, tn.nspname)::pg_catalog.text, coalesce(e.typname, t.typname)::pg_catalog.text])
              with ordinality as parts (part, n)) own
 where a.attrelid = $1
   and a.attnum > 0
   and not a.attisdropped
 order by a.attnum;
