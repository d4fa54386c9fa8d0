-- Asks which server process answers; behind a pooler in transaction mode it changes. No parameters.
select pg_catalog.pg_backend_pid();
