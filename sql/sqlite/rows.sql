-- Rows in the order of their ids. Variables: table, id, columns (quoted, made by us). Parameters: the first and the last id.
select :"id", :columns from :"table" where :"id" between ?1 and ?2 order by :"id"
