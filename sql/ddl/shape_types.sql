-- Where types lie, what they come with, and whether a domain checks its values. Parameters: $1 their oids.
select t.oid,
       n.nspname::pg_catalog.text as schema,
       t.typname::pg_catalog.text as name,
       x.extname::pg_catalog.text as extension,
       xn.nspname::pg_catalog.text as extension_schema,
       exists (select from pg_catalog.pg_constraint c where c.contypid = t.oid and c.contype = 'c') as has_checks
  from pg_catalog.pg_type t
  join pg_catalog.pg_namespace n on n.oid = t.typnamespace
  left join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and d.objid = t.oid and d.objsubid = 0
   and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and d.deptype = 'e'
  left join pg_catalog.pg_extension x on x.oid = d.refobjid
  left join pg_catalog.pg_namespace xn on xn.oid = x.extnamespace
 where t.oid = any ($1);
