-- A function without arguments that triggers may call. Parameters: $1 schema, $2 name (text).
select f.prosrc as body, f.prosecdef as is_definer, coalesce(f.proconfig, '{}'::text[]) as settings,
       exists (select from aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) as a where a.grantee = 0) as is_public
  from pg_proc f join pg_namespace n on n.oid = f.pronamespace
 where n.nspname = $1 and f.proname = $2 and f.pronargs = 0 and f.prorettype = 'trigger'::regtype;
