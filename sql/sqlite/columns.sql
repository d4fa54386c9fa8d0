-- The columns of a table: name, declared type, NOT NULL, whether there is a default, place in the primary key, 0 where it is a plain one. Parameters: the table.
select name, type, "notnull", dflt_value is not null, pk, hidden from pragma_table_xinfo(?1) order by cid
