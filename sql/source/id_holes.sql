-- The first hundred holes among the last 10,000 ids, lowest first, and the lowest id looked at.
-- Variables: table (quoted), id (name of the id column).
with tail as materialized (
  select t.:"id"::int8 as id from :table t order by t.:"id" desc limit 10000
), pairs as (
  select tail.id, lead(tail.id) over (order by tail.id) as next_id from tail
)
select pairs.id + 1 as first_missing, pairs.next_id - 1 as last_missing
  from pairs
 where pairs.id < pairs.next_id - 1
 order by pairs.id
 limit 100;
