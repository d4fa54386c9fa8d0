-- The keys of these that some session of this database has locked.
-- Parameters: $1 the keys.
select distinct k.key
  from pg_catalog.unnest($1::pg_catalog.int8[]) k(key)
  join pg_catalog.pg_locks l
    on l.classid::pg_catalog.int8 = (k.key >> 32) & 4294967295
   and l.objid::pg_catalog.int8 = k.key & 4294967295
  join pg_catalog.pg_database d on d.oid = l.database
 where l.locktype = 'advisory'
   and l.objsubid = 1
   and l.granted
   and d.datname = pg_catalog.current_database();
