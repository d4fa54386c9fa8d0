-- Foreign keys that lead to a table: from which, and whether they do something to their rows where a row of it goes.
-- Parameter: $1 the table's oid.
select conrelid as from_table, confdeltype in ('c', 'n', 'd') as acts from pg_constraint where contype = 'f' and confrelid = $1;
