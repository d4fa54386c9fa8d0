-- The lowest and the highest id: two probes, one snapshot. Variables: table, id.
select (select min(:"id") from :"table"), (select max(:"id") from :"table")
