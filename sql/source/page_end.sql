-- Where a page of rows that a condition selects ends: the last of the next ids, whatever the condition says of their rows, and how many they are. So the
-- server never looks for a row that matches longer than a page lasts.
-- Variables: table (quoted), id (name), after (SQL of ours: the condition on the id), rows_max.
select pg_catalog.max(p.id)::int8 as through, pg_catalog.count(*) as rows
  from (select e.:"id" as id from :table as e :after order by e.:"id" limit :rows_max) as p;
