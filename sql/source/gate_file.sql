-- The file of a table without partitions, with its oid.
-- c is the table in pg_class.
array[c.oid::int8 << 32 | c.relfilenode::int8]
