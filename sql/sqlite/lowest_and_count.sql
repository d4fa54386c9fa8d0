-- The lowest id of all, and how many rows a range has: one snapshot. Variables: table, id. Parameters: the first and the last id.
select (select min(:"id") from :"table"), (select count(*) from :"table" where :"id" between ?1 and ?2)
