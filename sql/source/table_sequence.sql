-- Creates a source whose ids come from its own sequence. Parameters: schema, table (names).
-- ALWAYS: a plain INSERT cannot choose an id, so every id comes from the sequence; COPY, which restores a source, still can.
-- now() is the time of the transaction: its events share one ts and reach a destination together.
create table :"schema".:"table" (
    id bigint not null generated always as identity primary key,
    ts timestamptz not null default now(),
    event jsonb not null
);
