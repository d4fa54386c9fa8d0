-- Stands before the system's own: for every function, aggregate, operator, view and type name of pg_catalog one of the same name and
-- arguments in the schema evil, which leaves its mark and fails. The mark outlives a rollback: it is the last value of a sequence, the oid of
-- what was shadowed.
create schema evil;
create sequence evil.calls as bigint;
create function evil.caught(shadowed pg_catalog.int8) returns pg_catalog.bool language plpgsql set search_path = pg_catalog as $$
begin
    perform setval('evil.calls', greatest(shadowed, 1));
    raise exception 'evil was called in place of %', shadowed;
end $$;
do $$
declare
    f record;
    made integer := 0;
    body constant text := $body$ language plpgsql set search_path = pg_catalog as 'begin perform evil.caught(%s); return null; end' $body$;
begin
    for f in
        select p.oid, p.proname, p.prokind, p.proretset,
               array_to_string(array(select format_type(t, null) from unnest(p.proargtypes) with ordinality as a (t, n) order by n), ', ') as arguments,
               format_type(p.prorettype, null) as result
          from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind in ('f', 'a', 'w') and p.provariadic = 0
    loop
        begin
            if f.prokind = 'a' then
                execute format('create function evil.%I(%s, %s) returns %2$s', 'step_' || f.oid, f.result, coalesce(nullif(f.arguments, ''), 'int'))
                    || replace(body, '%s', f.oid::text);
                execute format('create function evil.%I(%s) returns %2$s', 'final_' || f.oid, f.result) || replace(body, '%s', f.oid::text);
                if f.arguments = '' then
                    execute format('create function evil.%I(%s) returns %2$s', 'step_' || f.oid, f.result) || replace(body, '%s', f.oid::text);
                end if;
                execute format('create aggregate evil.%I(%s) (sfunc = evil.%I, stype = %s, finalfunc = evil.%I)', f.proname,
                    coalesce(nullif(f.arguments, ''), '*'), 'step_' || f.oid, f.result, 'final_' || f.oid);
            else
                execute format('create function evil.%I(%s) returns %s', f.proname, f.arguments,
                    case when f.proretset then 'setof ' else '' end || f.result)
                    || replace(replace(body, '%s', f.oid::text), case when f.proretset then 'return null;' else '' end, '');
            end if;
            made := made + 1;
        exception when others then null; -- pseudo-types that no function of ours may have
        end;
    end loop;
    if made < 2000 then raise exception 'only % functions are shadowed', made; end if;
    made := 0;
    for f in
        select o.oid, o.oprname, format_type(o.oprleft, null) as lefts, format_type(o.oprright, null) as rights, o.oprleft <> 0 as is_binary,
               format_type(o.oprresult, null) as result
          from pg_operator o where o.oprnamespace = 'pg_catalog'::regnamespace and o.oprright <> 0
    loop
        begin
            execute format('create function evil.%I(%s) returns %s', 'operator_' || f.oid,
                case when f.is_binary then f.lefts || ', ' else '' end || f.rights, f.result) || replace(body, '%s', f.oid::text);
            execute format('create operator evil.%s (%s rightarg = %s, function = evil.%I)', f.oprname,
                case when f.is_binary then 'leftarg = ' || f.lefts || ',' else '' end, f.rights, 'operator_' || f.oid);
            made := made + 1;
        exception when others then null;
        end;
    end loop;
    if made < 600 then raise exception 'only % operators are shadowed', made; end if;
    for f in select c.oid, c.relname from pg_class c where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind in ('r', 'v') loop
        execute format('create view evil.%I as select evil.caught(%s) as caught', f.relname, f.oid);
    end loop;
    for f in
        select t.oid, t.typname, format_type(t.oid, null) as name from pg_type t
         where t.typnamespace = 'pg_catalog'::regnamespace and t.typtype = 'b' and t.typcategory <> 'A'
    loop
        begin
            execute format('create domain evil.%I as pg_catalog.%1$I check (evil.caught(%s))', f.typname, f.oid);
        exception when others then null;
        end;
    end loop;
end $$;
-- Those with arguments of any type, as our statements might use them.
create function evil.concat(pg_catalog.text, pg_catalog.text) returns pg_catalog.text language sql as 'select evil.caught(1)::pg_catalog.text';
create function evil.format(pg_catalog.text, pg_catalog.text) returns pg_catalog.text language sql as 'select evil.caught(2)::pg_catalog.text';
create function evil.format(pg_catalog.text, pg_catalog.text, pg_catalog.text) returns pg_catalog.text language sql as 'select evil.caught(3)::pg_catalog.text';
create function evil.concat_ws(pg_catalog.text, pg_catalog.text, pg_catalog.text) returns pg_catalog.text language sql as 'select evil.caught(4)::pg_catalog.text';
grant usage on schema evil to public;
grant select on all tables in schema evil to public;
grant usage, update on sequence evil.calls to public;
