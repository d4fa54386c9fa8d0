-- The highest id that is not above another one. Variables: table, id. Parameters: that id.
select max(:"id") from :"table" where :"id" <= ?1
