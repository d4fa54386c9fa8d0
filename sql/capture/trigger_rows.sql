-- Lets the changes of each row be captured, also those that a replication applies. The name sorts after the triggers of foreign keys and
-- nearly all others: the id of a transaction's last change is drawn when what that change waits for is over.
-- Parameters: captured (SQL of ours: the table), schema, function (names), source (literal).
create trigger "~counterfoil"
after insert or update or delete on :captured
for each row execute function :"schema".:"function"(:'source');
