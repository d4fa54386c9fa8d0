-- Appends a few rows on top of the position, after the fence, all in one statement. Anything unexpected is a division by zero, after which the
-- transaction cannot be committed: it was never begun, the destination stands elsewhere, what bears the table's name, its columns or triggers are not
-- those that were compared with the source's, it has rules, which an INSERT obeys and a COPY does not, or a row was swallowed.
-- Variables: schema, table, id (names), qualified (schema and table quoted for SQL, as a literal), fingerprint, columns, rows, rows_count (SQL of
-- ours). Parameters: $1 the position (int8), $2 the fingerprint (text), then the fields of the rows.
with appended as (
    insert into :"schema".:"table" (:columns) overriding system value
    select given.* from (values :rows) as given
     where (select pg_catalog.max(stored.:"id") from :"schema".:"table" as stored) operator(pg_catalog.=) $1::pg_catalog.int8
       and pg_catalog.current_setting('counterfoil.begun', true) operator(pg_catalog.=) 'yes'
       and (:fingerprint) operator(pg_catalog.=) $2::pg_catalog.text
       and not (select relhasrules from pg_catalog.pg_class where oid operator(pg_catalog.=) pg_catalog.to_regclass(:'qualified')::pg_catalog.oid)
    returning 1
)
select 1 operator(pg_catalog./) (pg_catalog.count(*) operator(pg_catalog.=) :rows_count::pg_catalog.int8)::pg_catalog.int4 from appended;
