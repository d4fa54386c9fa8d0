-- Creates an event table whose ids are given by whoever inserts: the source with consecutive ids, and every destination.
-- Parameters: schema, table (names).
create table :"schema".:"table" (
    id bigint not null primary key,
    ts timestamptz not null,
    event jsonb not null
);
