-- Writes events one transaction after the other, as one application does.
create procedure write_in_transactions(events bigint, events_per_transaction bigint) language plpgsql as $$
declare
    before constant bigint not null := coalesce((select max(id) from events), 0);
begin
    for id_from in before + 1 .. before + events by events_per_transaction loop
        insert into events (ts, event)
        select now(), made_up_event(n)
          from generate_series(id_from, least(id_from + events_per_transaction - 1, before + events)) as n;
        commit;
    end loop;
end
$$
