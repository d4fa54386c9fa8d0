-- Reads the number initdb gave the cluster; physical copies share it. Allowed to fail: some services take the privilege away. No parameters.
select system_identifier from pg_catalog.pg_control_system();
