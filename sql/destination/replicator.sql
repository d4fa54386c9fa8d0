-- Who feeds this table.
-- Parameters: $1 first key of the replicator's lock (int4), $2 the table's oid (int4).
select l.pid, coalesce(a.application_name, '') as application, coalesce(a.client_addr::pg_catalog.text, 'local') as address
  from pg_catalog.pg_locks l left join pg_catalog.pg_stat_activity a on a.pid operator(pg_catalog.=) l.pid
 where l.locktype operator(pg_catalog.=) 'advisory' and l.objsubid operator(pg_catalog.=) 2 and l.granted
   and l.classid operator(pg_catalog.=) $1::pg_catalog.int8::pg_catalog.oid
   and l.objid operator(pg_catalog.=) $2::pg_catalog.oid
   and l.database operator(pg_catalog.=) (select d.oid from pg_catalog.pg_database d where d.datname operator(pg_catalog.=) pg_catalog.current_database())
 limit 1;
