//! The types whose binary form is the same on all servers.

use postgres_types::{Kind as TypeKind, Type};

/// Built-in scalars whose binary form is the same on all servers.
///
/// Domains, enums, composites, ranges, types of extensions and `money` (it depends on
/// `lc_monetary`) are not in it.
pub const BINARY_STABLE: [Type; 28] = [
    Type::BOOL,
    Type::INT2,
    Type::INT4,
    Type::INT8,
    Type::FLOAT4,
    Type::FLOAT8,
    Type::NUMERIC,
    Type::TEXT,
    Type::VARCHAR,
    Type::BPCHAR,
    Type::CHAR,
    Type::NAME,
    Type::BYTEA,
    Type::UUID,
    Type::DATE,
    Type::TIME,
    Type::TIMETZ,
    Type::TIMESTAMP,
    Type::TIMESTAMPTZ,
    Type::INTERVAL,
    Type::JSON,
    Type::JSONB,
    Type::BIT,
    Type::VARBIT,
    Type::INET,
    Type::CIDR,
    Type::MACADDR,
    Type::MACADDR8,
];

/// Whether a type is one of them, or an array of one.
pub fn is_binary_stable(type_oid: u32) -> bool {
    let Some(known) = Type::from_oid(type_oid) else { return false };
    let scalar = match known.kind() {
        TypeKind::Array(element) => element,
        _ => &known,
    };
    BINARY_STABLE.contains(scalar)
}
