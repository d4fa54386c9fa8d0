-- Creates the log of captured changes: an event table, its index by transaction, a view for people, without which DROP TABLE would need no
-- CASCADE, the list of what is captured, the certificates of what was pruned, and who still reads. A reader needs no event at or below its
-- position any more, but that one event itself; one that keeps all events lets nothing be pruned. The identity has no cache, and the id is drawn by a trigger after the row is locked: so what one
-- transaction does to a row after another one has a higher id. ts and xact are the same for all changes of a transaction.
-- Parameters: schema, table (names).
create table :"schema".:"table" (
    id bigint not null generated always as identity primary key,
    ts timestamptz not null default pg_catalog.transaction_timestamp(),
    xact bigint not null default pg_catalog.pg_current_xact_id()::text::bigint,
    source text not null,
    op "char" not null,
    before json,
    after json
);
create index on :"schema".:"table" (xact);
create view :"schema".history as select id, ts, xact, source, op, before, after from :"schema".:"table";
create table :"schema".captured (
    source text not null primary key,
    relation oid not null unique,
    shape json not null,
    omitted text[] not null,
    first_id bigint not null,
    installed_at timestamptz not null default pg_catalog.now()
);
create table :"schema".pruned (
    first_id bigint not null,
    through bigint not null primary key,
    events bigint not null,
    digest bytea not null,
    xact bigint not null default pg_catalog.pg_current_xact_id()::text::bigint,
    at timestamptz not null default pg_catalog.now()
);
create table :"schema".readers (
    name text not null,
    place text not null default '',
    position bigint not null,
    keeps text not null default 'tail' check (keeps in ('all', 'tail')),
    seen_at timestamptz not null default pg_catalog.now(),
    primary key (name, place)
);
