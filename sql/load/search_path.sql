-- Gives the session the path that the applications of a table have: its schema, then the role's own. slate's insert_events and the functions
-- of triggers may rely on it. Parameter: schema (name, quoted in a literal).
select pg_catalog.set_config('search_path', pg_catalog.quote_ident(:'schema') || coalesce((
    select ', ' || nullif(setting.reset_val, '') from pg_catalog.pg_settings as setting where setting.name = 'search_path'
), ''), false);
