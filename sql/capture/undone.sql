-- The changes of a table that a state of the log does not have: those above its position, and those of transactions that it keeps.
-- Variable: log (SQL of ours). Parameters: $1 source (text), $2 the position, $3 transactions (bigint[]).
select e.id, e.xact, e.op::text as op, e.before::text as before, e.after::text as after
  from :log as e
 where e.source = $1 and (e.id > coalesce($2, -9223372036854775808) or e.xact = any ($3))
 order by e.id;
