-- wal, or how the rollback journal ends.
pragma journal_mode
