-- Makes the event table: its columns keep what they are given, or refuse it. Variables: table, columns (made by us).
create table :"table" (
:columns
) strict;
