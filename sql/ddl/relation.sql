-- Describes the relation of a name, of whatever kind; no row when there is none. Parameters: schema, name (literals).
select
    relation.relkind::text as kind,
    pg_catalog.pg_get_userbyid(relation.relowner)::text as owner,
    pg_catalog.pg_has_role(relation.relowner, 'USAGE') as is_owned,
    described.names,
    described.types,
    described.are_not_null,
    described.have_default,
    exists (
        select from pg_catalog.pg_index as key
        join pg_catalog.pg_class as class on class.oid = key.indexrelid
        join pg_catalog.pg_am as method on method.oid = class.relam and method.amname = 'btree'
        join pg_catalog.pg_attribute as attribute on attribute.attrelid = key.indrelid and attribute.attnum = key.indkey[0]
        where key.indrelid = relation.oid and key.indisunique and key.indisvalid and key.indimmediate
            and key.indpred is null and key.indnkeyatts = 1 and attribute.attname = 'id'
    ) as has_id_key,
    (
        select pg_catalog.pg_get_serial_sequence(pg_catalog.format('%I.%I', :'schema', :'name'), 'id')
        from pg_catalog.pg_attribute as attribute
        where attribute.attrelid = relation.oid and attribute.attname = 'id' and not attribute.attisdropped
    ) is not null as has_id_sequence,
    array(
        select pg_catalog.pg_get_indexdef(one.indexrelid, 1, false)
        from pg_catalog.pg_index as one
        where one.indrelid = relation.oid and one.indisvalid and one.indpred is null and one.indnkeyatts = 1
    ) as indexed
from pg_catalog.pg_class as relation
join pg_catalog.pg_namespace as namespace on namespace.oid = relation.relnamespace
cross join lateral (
    select
        coalesce(array_agg(attribute.attname::text order by attribute.attnum), '{}') as names,
        coalesce(array_agg(pg_catalog.format_type(attribute.atttypid, attribute.atttypmod) order by attribute.attnum), '{}') as types,
        coalesce(array_agg(attribute.attnotnull order by attribute.attnum), '{}') as are_not_null,
        coalesce(array_agg(attribute.atthasdef or attribute.attidentity <> '' order by attribute.attnum), '{}') as have_default
    from pg_catalog.pg_attribute as attribute
    where attribute.attrelid = relation.oid and attribute.attnum > 0 and not attribute.attisdropped
) as described
where namespace.nspname = :'schema' and relation.relname = :'name'
