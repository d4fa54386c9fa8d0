-- Whether a table or its schema was renamed meanwhile, though it bears its name again. A GRANT is seen too.
-- c is the table in pg_class.
(c.xmin, (select n.xmin from pg_catalog.pg_namespace as n where n.oid operator(pg_catalog.=) c.relnamespace))
