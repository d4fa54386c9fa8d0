-- Writes a change of a captured table into the log. Whoever changes a row needs no right on the log. Settings that decide how a value is
-- written are fixed, those that the table's types depend on. In the trigger for TRUNCATE there is no row, and both images are null.
-- An error here fails the statement of the writer: nothing is lost in silence. To fire a trigger needs no right on its function, to make one
-- does: so nobody else can have a table of his own write into the log.
-- Parameters: schema, table, function (names), settings, before, after (SQL of ours: the images).
create function :"schema".:"function"() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp:settings
as $counterfoil$
begin
    insert into :"schema".:"table" (source, op, before, after)
    values (TG_ARGV[0], TG_OP::"char", :before, :after);
    return null;
end
$counterfoil$;
revoke all on function :"schema".:"function"() from public;
