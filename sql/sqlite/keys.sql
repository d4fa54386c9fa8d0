-- The columns that a unique index of a table, which holds all rows, has alone. Parameters: the table.
select min(i.name) from pragma_index_list(?1) as l, pragma_index_info(l.name) as i
where l."unique" = 1 and l.partial = 0 group by l.name having count(*) = 1 and count(i.name) = 1
