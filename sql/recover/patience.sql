-- Lets a session that reads wait ten seconds at most for a table that somebody has locked. Run once. No parameters.
set lock_timeout = '10s';
