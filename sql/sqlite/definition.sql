-- All that defines a table, its indexes and triggers included, as one text. Parameters: the table.
select coalesce(group_concat(type || ' ' || name || ': ' || coalesce(sql, ''), char(10)), '')
from (select type, name, sql from sqlite_schema where lower(tbl_name) = lower(?1) order by type, name)
