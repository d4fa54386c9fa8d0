-- Settings of a session that reads pages of the event table, besides those of in_id_order.sql.
-- Run once per reading session, after the pins. No parameters.
set lock_timeout = '10s';
-- A destination's session has the search path of its role, which some types are written by as text.
set search_path = pg_catalog;
