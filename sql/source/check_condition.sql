-- Lets the server judge a condition as the predicate of an index: over columns of one row, immutable, without a subquery (PostgreSQL manual, CREATE INDEX).
-- Nothing stays: the table is temporary and the transaction rolled back.
-- Variables: name (of the table, so that columns can be qualified by it), id (name of the id column), columns, condition (SQL of ours).
begin isolation level read committed read write;
create temporary table :"name" (:columns);
create index on pg_temp.:"name" (:"id") where :condition;
rollback;
