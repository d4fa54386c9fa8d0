-- As role_search_path.sql, and says that a transaction was begun: a setting local to it, which is gone with the statement where BEGIN failed.
-- No parameters.
set local search_path to default;
set local counterfoil.begun = 'yes';
