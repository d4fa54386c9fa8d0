-- Whether our role owns a table, or belongs to the role that does, and which that is.
-- Parameters: $1 oid of the table.
select pg_catalog.pg_has_role(c.relowner, 'USAGE') as is_owned, pg_catalog.pg_get_userbyid(c.relowner)::pg_catalog.text as owner
  from pg_catalog.pg_class as c
 where c.oid operator(pg_catalog.=) $1::pg_catalog.oid;
