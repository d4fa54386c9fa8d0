-- Lets TRUNCATE be captured: of a table, and of each of its partitions, which has no such trigger of its root.
-- Parameters: captured (SQL of ours: the table), schema, function (names), source (literal).
create trigger "~counterfoil_truncate"
after truncate on :captured
for each statement execute function :"schema".:"function"(:'source');
