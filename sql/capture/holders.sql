-- Who holds a table in a way that a trigger cannot be made beside. Parameter: $1 oids (oid[]).
select a.pid, coalesce(a.usename::text, '') as role, coalesce(a.application_name, '') as application, coalesce(a.state, '') as state
  from pg_locks l
  join pg_stat_activity a on a.pid = l.pid
 where l.locktype = 'relation' and l.granted and l.relation = any($1::oid[]) and a.pid <> pg_backend_pid()
   and l.database = (select oid from pg_database where datname = current_database())
   and l.mode in ('RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
 order by a.xact_start nulls last
 limit 5;
