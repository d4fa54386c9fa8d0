-- Rows of some ids as a person reads them: for each column its text, cut, and how many bytes it has in all.
-- Variables: columns (expressions made by us), table (quoted), id (name). Parameters: $1 ids (int8[]).
select e.:"id"::pg_catalog.int8, :columns from :table as e where e.:"id" = any($1::pg_catalog.int8[]) order by e.:"id";
