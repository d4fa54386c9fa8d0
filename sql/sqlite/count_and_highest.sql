-- How many rows there are, and the highest one: one snapshot. Variables: table, id.
select (select count(*) from :"table"), (select max(:"id") from :"table")
