-- Creates the index of an event table on one field of its events.
-- Parameters: schema, table (names), path (a text array literal such as {entityId}).
create index on :"schema".:"table" ((event #>> :'path'));
