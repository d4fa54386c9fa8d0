-- From here on the search_path is the role's own, until the transaction ends: the table's triggers may rely on it. No parameters.
set local search_path to default;
