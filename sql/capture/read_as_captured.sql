-- Begins a snapshot in which rows are written as the functions that capture write them. No parameters.
begin isolation level repeatable read read only;
set local timezone = 'UTC';
set local extra_float_digits = 1;
set local intervalstyle = 'postgres';
set local bytea_output = 'hex';
set local datestyle = 'ISO, YMD';
set local lc_monetary = 'C';
