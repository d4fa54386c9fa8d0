-- The transactions that drew an id and have not ended, oldest first as far as our role may know; pid is null for a prepared one.
-- Parameters: $1 oid of the sequence.
select l.virtualtransaction, l.pid, a.application_name::text, a.usename::text as user_name,
       extract(epoch from clock_timestamp() - a.xact_start)::float8 as age_s
  from pg_locks l
  left join pg_stat_activity a on a.pid = l.pid
 where l.locktype = 'relation'
   and l.mode = 'RowExclusiveLock'
   and l.granted
   and l.database = (select d.oid from pg_database d where d.datname = current_database())
   and l.relation = $1
 order by a.xact_start nulls first, l.virtualtransaction;
