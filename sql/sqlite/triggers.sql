-- The triggers of a table. Parameters: the table.
select name from sqlite_schema where type = 'trigger' and lower(tbl_name) = lower(?1) order by name
