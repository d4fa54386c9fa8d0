-- Lets the server notice while it is busy with a statement of ours that we are gone (PostgreSQL 14 or later).
-- Run once per session; allowed to fail, because not every operating system can. No parameters.
set client_connection_check_interval = '10s';
