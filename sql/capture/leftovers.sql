-- What there is of a log in the catalog: triggers of its functions, functions, relations and the schema.
-- Parameter: $1 the schema.
select 'trigger ' || g.tgname || ' on ' || g.tgrelid::regclass::text as what
  from pg_trigger g join pg_proc f on f.oid = g.tgfoid join pg_namespace n on n.oid = f.pronamespace
 where n.nspname = $1 and not g.tgisinternal
union all
select 'function ' || f.oid::regprocedure::text from pg_proc f join pg_namespace n on n.oid = f.pronamespace where n.nspname = $1
union all
select 'relation ' || c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
union all
select 'schema ' || n.nspname from pg_namespace n where n.nspname = $1
 order by 1;
