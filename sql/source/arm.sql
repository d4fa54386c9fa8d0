-- Goes to sleep: succeeds only when no writer is under way who skipped the notification. Whoever writes from now on rings.
-- Parameters: $1 first key of the doorbell's lock (int4), $2 the table's oid (int4).
select pg_try_advisory_lock($1::int4, $2::int4);
