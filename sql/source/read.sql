-- The mark, statement 3 of 3, and every page after it: rows in id order, in the form in which they travel.
-- Variables: columns, format (SQL of ours), table (SQL of ours), id (a name), after (SQL of ours: the condition on the id), rows_max.
copy (select :columns from :table as e :after order by e.:"id" limit :rows_max) to stdout (format :format);
