-- Which schemas there are, which indexes a table has, and which of these types there are (schema and name by the same place).
-- Parameters: $1 schemas of the types, $2 their names, $3 schema of the table, $4 its name.
select array(select nspname::pg_catalog.text from pg_catalog.pg_namespace) as schemas,
       array(select indexname::pg_catalog.text from pg_catalog.pg_indexes where schemaname = $3 and tablename = $4) as indexes,
       coalesce(pg_catalog.array_agg(n.nspname::pg_catalog.text order by n.nspname, t.typname), '{}') as type_schemas,
       coalesce(pg_catalog.array_agg(t.typname::pg_catalog.text order by n.nspname, t.typname), '{}') as type_names
  from rows from (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) as wanted (schema, name)
  join pg_catalog.pg_namespace n on n.nspname = wanted.schema
  join pg_catalog.pg_type t on t.typnamespace = n.oid and t.typname = wanted.name;
