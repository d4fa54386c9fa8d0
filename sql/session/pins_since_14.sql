-- Pins what a session needs where the server is PostgreSQL 14 or later: silence is no reason to be thrown out (57P05).
-- Run once per session, after the other pins. No parameters.
set idle_session_timeout = 0;
