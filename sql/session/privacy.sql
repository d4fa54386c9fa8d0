-- Whether this session is encrypted and by which protocol, and whether its role is a superuser.
select coalesce(s.ssl, false) as is_encrypted,
       s.version::text as protocol,
       (select r.rolsuper from pg_roles r where r.rolname = current_user) as is_superuser
  from (select pg_backend_pid() as pid) own
  left join pg_stat_ssl s on s.pid = own.pid;
