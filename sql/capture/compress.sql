-- Has images compressed by lz4, which is three times cheaper for wide rows than the default. Where the server was built without it, it stays
-- as it is. Parameters: schema, table (names).
do $counterfoil$
begin
    alter table :"schema".:"table" alter column before set compression lz4, alter column after set compression lz4;
exception when feature_not_supported or syntax_error or invalid_parameter_value then
    null;
end
$counterfoil$;
