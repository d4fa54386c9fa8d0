-- A source as slate-init-db leaves it: its objects and how they behave.
create table events (id bigint not null primary key, ts timestamp with time zone not null, event jsonb not null);
create index events_event_entityname on events ((event #>> '{entityName}'));
create index events_event_operation on events ((event #>> '{operation}'));
create index events_event_propertyname on events ((event #>> '{propertyName}'));
create index events_event_entityid on events ((event #>> '{entityId}'));
create index events_ts on events (ts);
create table id (id bigint not null primary key);
insert into id values (1);
create function insert_events(insertValues text) returns integer language plpgsql as $$
declare
    counted integer := 1;
    next bigint;
    ids bigint[];
begin
    lock table id in access exclusive mode;
    while position('$1[' || counted || ']' in insertValues) > 0 loop
        counted := counted + 1;
    end loop;
    counted := counted - 1;
    select id.id from id into next;
    update id set id = next + counted;
    select array_agg(n) from generate_series(next, next + counted - 1) n into ids;
    execute 'insert into events (id, ts, event) values ' || insertValues using ids, transaction_timestamp();
    return counted;
end $$;
create function notify_event_insert() returns trigger language plpgsql as $$
begin
    perform pg_notify('eventsinsert', json_build_object('table', tg_table_name, 'id', new.id, 'event', new.event)::text);
    return new;
end $$;
create trigger notify_insert after insert on events for each row execute function notify_event_insert();
create function filter_sql_command() returns trigger language plpgsql as $$
begin
    raise exception 'not allowed';
end $$;
create trigger check_sql_command before update or delete or truncate on events for each statement execute function filter_sql_command();
