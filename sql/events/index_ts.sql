-- Creates the index of an event table on the time of its events. Parameters: schema, table (names).
create index on :"schema".:"table" (ts);
