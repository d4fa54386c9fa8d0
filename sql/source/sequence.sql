-- Where a sequence stands: the value drawn last or, when it was not called since it was set, the one it gives out next.
-- Variables: schema, sequence (names).
select counter.last_value, counter.is_called from :"schema".:"sequence" as counter;
