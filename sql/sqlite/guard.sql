-- Lets only counterfoil change the table: no other connection knows the function. Variables: trigger, table, event (insert, update or delete).
create trigger :"trigger" before :event on :"table"
begin
    select raise(abort, 'only counterfoil changes this table') where counterfoil_guard() is not 1;
end;
