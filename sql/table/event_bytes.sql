-- How many bytes an event takes in the table on the average, of the next two hundred.
-- Variables: table (quoted), id (name of the id column), range, columns (SQL of ours).
select pg_catalog.avg(pg_catalog.pg_column_size(sample.*))::pg_catalog.float8 as bytes
  from (select :columns from :table as e where :range order by e.:"id" limit 200) sample;
