-- Who holds the session lock of a table: the replicator that feeds it.
-- Parameters: $1 first key of the lock, $2 oid of the table.
select l.pid, a.application_name::pg_catalog.text, pg_catalog.host(a.client_addr) as client_address
  from pg_catalog.pg_locks l
  join pg_catalog.pg_database d on d.oid = l.database
  left join pg_catalog.pg_stat_activity a on a.pid = l.pid
 where l.locktype = 'advisory'
   and l.objsubid = 2
   and l.classid::pg_catalog.int8 = $1::pg_catalog.int4::pg_catalog.int8 & 4294967295
   and l.objid = $2
   and l.mode = 'ExclusiveLock'
   and l.granted
   and d.datname = pg_catalog.current_database();
