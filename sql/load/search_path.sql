-- Gives the session the path that the applications of a table have: its schema, then the role's own. slate's insert_events and the functions
-- of triggers may rely on it. Run while the path is pg_catalog alone.
-- Variables: schema (name), is_local (SQL of ours: whether it ends with the transaction).
select pg_catalog.set_config('search_path', pg_catalog.quote_ident(:'schema') || coalesce((
    select ', ' || nullif(setting.reset_val, '') from pg_catalog.pg_settings as setting where setting.name = 'search_path'
), ''), :is_local);
