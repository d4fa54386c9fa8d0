-- Creates the counter of consecutive ids: one row that holds the next id, 1 where the event table is empty.
-- The lock keeps writers away until the counter is committed. Parameters: schema, table (names).
lock table :"schema".:"table" in share row exclusive mode;
create table :"schema".id (
    id bigint not null primary key
);
insert into :"schema".id (id)
select coalesce(max(events.id), 0) + 1 from :"schema".:"table" as events;
