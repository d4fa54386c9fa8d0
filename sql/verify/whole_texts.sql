-- Rows of some ids as text, whole: what a script of INSERTs quotes. The quoting is done by us and never left to the server that is asked.
-- Variables: columns (expressions made by us), table (quoted), id (name). Parameters: $1 ids (int8[]).
select :columns from :table as e where e.:"id" = any($1::pg_catalog.int8[]) order by e.:"id";
