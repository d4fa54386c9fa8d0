-- The highest id. Variables: table, id.
select max(:"id") from :"table"
