-- The columns of a table in their order. Of a type outside pg_catalog its schema and name (of an array those of its element), so that both sides name
-- it alike, whatever search_path says and whatever words a version quotes; and its modifier, as format_type writes it.
-- Parameters: $1 oid of the table.
select a.attname::pg_catalog.text as name,
       pg_catalog.format_type(a.atttypid, a.atttypmod) as type_shown,
       tn.nspname = 'pg_catalog' as is_built_in,
       coalesce(en.nspname, tn.nspname)::pg_catalog.text as type_schema,
       coalesce(e.typname, t.typname)::pg_catalog.text as type_name,
       e.oid is not null as is_array,
       a.atttypid as type_oid,
       a.attnotnull or t.typnotnull as is_not_null,
       -- Not the type: a domain that is NOT NULL is stored as NULL by a subquery without a row, or by an outer join. Not a constraint that is NOT VALID.
       a.attnotnull and not exists (select from pg_catalog.pg_constraint n
                                     where n.conrelid = a.attrelid and n.contype = 'n' and n.conkey[1] = a.attnum and not n.convalidated) as is_never_null,
       a.atthasdef or a.attidentity <> '' or t.typdefault is not null as has_default,
       -- With search_path = pg_catalog these are the functions of the system, and of no other.
       coalesce(case when a.attgenerated <> '' then null
                     when a.atttypid = 'timestamptz'::pg_catalog.regtype
                     then pg_catalog.pg_get_expr(d.adbin, d.adrelid) ~ '^((now|(transaction|statement|clock)_timestamp)\(\)|CURRENT_TIMESTAMP(\([0-9]\))?)$'
                     when a.atttypid = 'timestamp'::pg_catalog.regtype
                     then pg_catalog.pg_get_expr(d.adbin, d.adrelid) ~* '^(timezone\(''utc''::text, |\()(now|(transaction|statement|clock)_timestamp|CURRENT_TIMESTAMP)(\(\))?( at time zone ''utc''::text\)|\))$'
                end, false) as is_stamped,
       a.attidentity <> '' as is_identity,
       a.attgenerated <> '' as is_generated,
       case when a.attgenerated <> '' then pg_catalog.pg_get_expr(d.adbin, d.adrelid) end as computed_as,
       pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT') as may_select,
       pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'INSERT') as may_insert
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_type t on t.oid = a.atttypid
  join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace
  left join pg_catalog.pg_type e on e.oid = t.typelem and e.typarray = t.oid
  left join pg_catalog.pg_namespace en on en.oid = e.typnamespace
  left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where a.attrelid = $1
   and a.attnum > 0
   and not a.attisdropped
 order by a.attnum;
