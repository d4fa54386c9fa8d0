-- The statements that insert some rows elsewhere: every value as a quoted literal of its text form.
-- Variables: template (text: a format() template of ours), columns (expressions made by us), table (quoted), id (name). Parameters: $1 ids (int8[]).
select pg_catalog.format(:'template', :columns) from :table as e where e.:"id" = any($1::pg_catalog.int8[]) order by e.:"id";
