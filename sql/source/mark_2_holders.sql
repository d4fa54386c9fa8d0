-- The mark, statement 2 of 3: who could still insert an id at or below the highest of statement 1. Runs after it, never with it.
-- Parameters: $1 oids of the sequence, of the table and of its leaf partitions (oid[]).
select virtualtransaction, pid
  from pg_locks
 where locktype = 'relation' and mode = 'RowExclusiveLock' and granted
   and database = (select oid from pg_database where datname = current_database())
   and relation = any($1::oid[]);
