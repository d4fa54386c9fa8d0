-- What a table's columns are: their names, types and modifiers, in one value. Another value after any ALTER TABLE that matters to a copy.
-- Variables: oid (SQL of ours).
select pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attgenerated), ',' order by a.attnum))
  from pg_catalog.pg_attribute as a
 where a.attrelid operator(pg_catalog.=) :oid::pg_catalog.oid and a.attnum operator(pg_catalog.>) 0 and not a.attisdropped;
