-- The triggers of a table that are not disabled, and how they are enabled (`O`, `A`, `R`).
-- Parameters: $1 oid of the table.
select t.tgname::pg_catalog.text as name, t.tgenabled::pg_catalog.text as enabled
  from pg_catalog.pg_trigger as t
 where t.tgrelid operator(pg_catalog.=) $1::pg_catalog.oid and not t.tgisinternal and t.tgenabled::pg_catalog.text operator(pg_catalog.<>) 'D'
 order by t.tgname;
