-- One event: each copied column as the digest of its text, so that an event of any size is compared cheaply, or as its text.
-- Variables: columns (expressions made by us), table (quoted), range (a condition made by us: one id).
select :columns from :table as e where :range;
