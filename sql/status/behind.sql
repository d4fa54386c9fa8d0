-- How many events are above a position, counted up to a million and one; the first of them.
-- Variables: id (name of the id column), table (quoted), range (a condition made by us).
select (select count(*) from (select from :table t where :range limit 1000001) counted) as events,
       (select min(t.:"id") from :table t where :range)::int8 as first_id;
