-- Lets the changes of each row be captured, also those that a replication applies. The name sorts before the triggers of foreign keys and
-- nearly all others, so that ids mostly follow the order in which changes happen; nothing depends on that.
-- Parameters: captured (SQL of ours: the table), schema, function (names), source (literal).
create trigger "!counterfoil"
after insert or update or delete on :captured
for each row execute function :"schema".:"function"(:'source');
