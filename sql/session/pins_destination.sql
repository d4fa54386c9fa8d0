-- Pins everything that could change what an appending session does or how it is written as text.
-- Run once per session, before anything else. No parameters.
-- search_path is the role's own again within the transaction of a batch (sql/destination/role_search_path.sql): triggers may rely on it.
-- Not pinned: synchronous_commit (configured),
-- default_transaction_read_only (whoever set it fenced the server off: 25006, and another host is tried).
set client_encoding = 'UTF8';
set datestyle = 'ISO, YMD';
set intervalstyle = 'iso_8601';
set timezone = 'UTC';
set extra_float_digits = 3;
set bytea_output = 'hex';
set xmlbinary = 'base64';
set xmloption = 'content';
set lc_monetary = 'C';
set quote_all_identifiers = off;
set array_nulls = on;
set search_path = pg_catalog;
set row_security = off;
set default_transaction_isolation = 'read committed';
set default_transaction_deferrable = off;
set standard_conforming_strings = on;
set statement_timeout = 0;
set lock_timeout = 0;
set idle_in_transaction_session_timeout = 0;
set jit = off;
