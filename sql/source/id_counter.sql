-- Whether a table holds one row, and in it the id after the highest: one snapshot for both.
-- Variables: table (quoted), id (name of the id column), counter (quoted), column (name of the counter's column).
select (select count(*) from (select from :counter limit 2) rows) = 1
   and (select c.:"column" from :counter c limit 1)
       = (select coalesce(max(t.:"id")::numeric, 0) + 1 from :table t) as is_counter;
