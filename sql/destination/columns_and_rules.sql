-- Whether the columns are still those that were compared with the source's; and whether the table has rules, which a COPY passes by and an
-- INSERT does not.
-- Variables: fingerprint, oid (SQL of ours).
select (:fingerprint) as fingerprint, c.relhasrules
  from pg_catalog.pg_class as c
 where c.oid operator(pg_catalog.=) :oid::pg_catalog.oid;
