-- What bears a name: the name as it was written, table, view, virtual or shadow, and whether its types are strict. Parameters: the name.
select name, type, strict from pragma_table_list where schema = 'main' and lower(name) = lower(?1)
