-- The types outside pg_catalog that the columns of a table are made of, at any depth, part by part in order: a domain's base, a composite's
-- attributes, an enum's labels, a range's canonical function and subtype, a multirange's range; a type without parts has one row without.
-- An array is named by its element. Readable by every role.
-- Variables: parts (SQL of ours: event/type_parts.sql, of the table $1). Parameters: $1 oid of the table.
with recursive :parts
select n.nspname::pg_catalog.text as schema,
       t.typname::pg_catalog.text as name,
       t.oid,
       t.typrelid as relation_oid,
       t.typtype::pg_catalog.text as kind,
       t.typnotnull as is_not_null,
       (select x.extname::pg_catalog.text
          from pg_catalog.pg_depend d
          join pg_catalog.pg_extension x on x.oid = d.refobjid
         where d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and d.objid = t.oid and d.objsubid = 0
           and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and d.deptype = 'e') as extension,
       parts.label,
       p.oid is not null as has_type,
       pg_catalog.format_type(parts.type, parts.typmod) as type_shown,
       pn.nspname = 'pg_catalog' as is_built_in,
       coalesce(en.nspname, pn.nspname)::pg_catalog.text as type_schema,
       coalesce(e.typname, p.typname)::pg_catalog.text as type_name,
       e.oid is not null as is_array,
       p.oid as type_oid
  from parts
  join pg_catalog.pg_type t on t.oid = parts.owner
  join pg_catalog.pg_namespace n on n.oid = t.typnamespace
  left join pg_catalog.pg_type p on p.oid = parts.type
  left join pg_catalog.pg_namespace pn on pn.oid = p.typnamespace
  left join pg_catalog.pg_type e on e.oid = p.typelem and e.typarray = p.oid
  left join pg_catalog.pg_namespace en on en.oid = e.typnamespace
 order by n.nspname, t.typname, parts.n;
