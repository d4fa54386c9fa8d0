-- What the validation of one table looks at, in id order: the id, the time, and what slate's loader wrote about its own groups.
-- A page begins with the id the one before ended with, so that no second row of that id is overlooked.
-- Variables: id, schema, table (names), ts, stats, where (SQL of ours), rows_max.
copy (
    select e.:"id"::pg_catalog.int8, :ts, :stats
      from :"schema".:"table" as e
     :where
     order by e.:"id"
     limit :rows_max
) to stdout (format binary);
