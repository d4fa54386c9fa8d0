//! Settings of a session that decide how a value is written as JSON. The function that captures
//! fixes those that the types of its table depend on, and no others: each costs every change.

use std::collections::BTreeSet;

/// A type whose JSON depends on no setting, as the catalog calls it; `enum` stands for all of them.
const PLAIN: [&str; 30] = [
    "bool",
    "int2",
    "int4",
    "int8",
    "numeric",
    "text",
    "varchar",
    "bpchar",
    "name",
    "char",
    "uuid",
    "json",
    "jsonb",
    "jsonpath",
    "inet",
    "cidr",
    "macaddr",
    "macaddr8",
    "bit",
    "varbit",
    "oid",
    "xid8",
    "date",
    "time",
    "timetz",
    "timestamp",
    "tsvector",
    "tsquery",
    "pg_lsn",
    "enum",
];

/// A setting, with the types that depend on it.
struct PinnedSetting {
    clause: &'static str,
    types: &'static [&'static str],
}

/// Bounds of ranges are written by the type's own output, and not as JSON writes them.
const PINS: [PinnedSetting; 6] = [
    PinnedSetting { clause: "set timezone = 'UTC'", types: &["timestamptz", "timestamptz bound"] },
    PinnedSetting {
        clause: "set extra_float_digits = 1",
        types: &[
            "float4",
            "float8",
            "float4 bound",
            "float8 bound",
            "point",
            "line",
            "lseg",
            "box",
            "path",
            "polygon",
            "circle",
        ],
    },
    PinnedSetting {
        clause: "set intervalstyle = 'postgres'",
        types: &["interval", "interval bound"],
    },
    PinnedSetting { clause: "set bytea_output = 'hex'", types: &["bytea", "bytea bound"] },
    PinnedSetting {
        clause: "set datestyle = 'ISO, YMD'",
        types: &["date bound", "timestamp bound", "timestamptz bound"],
    },
    PinnedSetting { clause: "set lc_monetary = 'C'", types: &["money", "money bound"] },
];

/// The clauses for a table whose types are made of these.
pub(super) fn clauses<'a>(leaves: impl Iterator<Item = &'a str>) -> Vec<&'static str> {
    let leaves: BTreeSet<&str> = leaves.collect();
    let is_known = |leaf: &str| {
        PINS.iter().any(|pin| pin.types.contains(&leaf))
            || PLAIN.contains(&leaf.strip_suffix(" bound").unwrap_or(leaf))
    };
    let is_all = leaves.iter().any(|leaf| !is_known(leaf));
    let is_needed = |pin: &&PinnedSetting| is_all || pin.types.iter().any(|of| leaves.contains(of));
    PINS.iter().filter(is_needed).map(|pin| pin.clause).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(leaves: &[&str]) -> Vec<&'static str> {
        clauses(leaves.iter().copied())
    }

    #[test]
    fn a_table_of_plain_types_has_nothing_fixed() {
        assert!(of(&["int8", "text", "jsonb", "enum", "date", "numeric bound"]).is_empty());
    }

    #[test]
    fn what_a_type_depends_on_is_fixed_and_an_unknown_type_has_all_fixed() {
        assert_eq!(of(&["int8", "timestamptz"]), ["set timezone = 'UTC'"]);
        assert_eq!(of(&["date bound"]), ["set datestyle = 'ISO, YMD'"]);
        assert_eq!(of(&["timestamptz bound"]).len(), 2);
        assert_eq!(of(&["circle", "money"]).len(), 2);
        assert_eq!(of(&["public.hstore"]).len(), PINS.len());
        assert_eq!(of(&["int4", "tstzmultirange"]).len(), PINS.len());
    }
}
