-- Commits a batch that others follow at once, without waiting for the disk: a later commit does, or flush.sql. No parameters.
set local synchronous_commit = off;
commit;
