-- Pins what a session needs where the server is PostgreSQL 17 or later: a long append is ended by us, not by a clock.
-- Run once per session, after the other pins. No parameters.
set transaction_timeout = 0;
