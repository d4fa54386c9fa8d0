//! What a table is, in one value: another one means that it is not what it was.

use super::fill::{SqlValue, fill, sql, text, without_header};
use super::table_name::TableName;

/// What is asked of a table besides its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Schema and name: whatever bears it when it is asked.
    table: TableName,
    /// Whether it has, or had, partitions.
    has_parts: bool,
    /// Whether it or its schema was renamed meanwhile, though it bears its name again.
    sees_renames: bool,
    /// Oids of sequences whose parameters belong to it.
    sequences: Vec<u32>,
    /// The types outside `pg_catalog` that its columns are made of.
    types: TypeOids,
}

/// Types, by what the catalog keeps of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeOids {
    /// `pg_type.oid`.
    pub types: Vec<u32>,
    /// `pg_type.typrelid`: 0 of one that is not composite.
    pub relations: Vec<u32>,
}

impl Fingerprint {
    /// Of whatever bears this name when it is asked.
    pub fn of(table: &TableName, has_parts: bool, types: TypeOids) -> Self {
        Self { table: table.clone(), has_parts, sees_renames: false, sequences: Vec::new(), types }
    }

    /// Also whether it was renamed and took its name again, and the parameters of these sequences.
    #[must_use]
    pub fn of_source(self, sequences: Vec<u32>) -> Self {
        Self { sees_renames: true, sequences, ..self }
    }

    /// The value, as an expression of `c`, the table's row in `pg_class`: text.
    pub fn value(&self) -> String {
        let triggers = if self.has_parts {
            include_str!("../../sql/event/fingerprint_triggers_of_parts.sql")
        } else {
            include_str!("../../sql/event/fingerprint_triggers.sql")
        };
        let sequences = match self.sequences.as_slice() {
            [] => NOTHING.to_owned(),
            oids => filled(
                include_str!("../../sql/event/fingerprint_sequences.sql"),
                &[("sequences", sql(listed(oids)))],
            ),
        };
        let names = [
            ("renames", sql(if self.sees_renames { renames() } else { NOTHING.to_owned() })),
            ("triggers", sql(filled(triggers, &[]))),
            ("sequences", sql(sequences)),
            ("types", sql(self.types.value())),
        ];
        filled(include_str!("../../sql/event/fingerprint.sql"), &names)
    }

    /// The query for the value, without a semicolon at its end. No row: nothing bears the name.
    pub fn query(&self) -> String {
        let names = [("fingerprint", sql(self.value())), ("qualified", text(self.table.quoted()))];
        filled(include_str!("../../sql/event/fingerprint_query.sql"), &names)
    }
}

impl TypeOids {
    /// The part of the value that tells of the types, as an expression: it stands behind the rest,
    /// with a space between.
    pub fn value(&self) -> String {
        if self.types.is_empty() {
            return NOTHING.to_owned();
        }
        let names =
            [("types", sql(listed(&self.types))), ("relations", sql(listed(&self.relations)))];
        filled(include_str!("../../sql/event/fingerprint_types.sql"), &names)
    }
}

const NOTHING: &str = "null::pg_catalog.text";

/// Whether a table or its schema was renamed meanwhile, as an expression of `c`, the table's row in
/// `pg_class`: another value then.
pub fn renames() -> String {
    filled(include_str!("../../sql/event/fingerprint_renames.sql"), &[])
}

/// The beginning of a recursive query over the parts of a table's types; `oid`: SQL of ours that
/// gives the table's.
pub fn type_parts(oid: &str) -> String {
    filled(include_str!("../../sql/event/type_parts.sql"), &[("oid", sql(oid))])
}

fn listed(oids: &[u32]) -> String {
    oids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

fn filled(file: &str, names: &[(&str, SqlValue<'_>)]) -> String {
    let query = fill(without_header(file), names);
    query.trim_end().trim_end_matches(';').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_in_the_query_and_nothing_else() {
        let table = TableName::parse("\"My \"\"Schema\"\"\".events").expect("a name");
        let plain = Fingerprint::of(&table, false, TypeOids::default()).query();
        assert!(plain.contains(r#"to_regclass('"My ""Schema"""."events"')"#), "{plain}");
        for absent in ["c.xmin", "pg_sequence", "pg_partition_tree", "pg_enum", ";", "--"] {
            assert!(!plain.contains(absent), "{absent} in {plain}");
        }
        let types = TypeOids { types: vec![100, 101], relations: vec![0, 99] };
        let all = Fingerprint::of(&table, true, types).of_source(vec![7, 8]).query();
        for present in
            ["c.xmin", "array[7, 8]", "array[100, 101]", "array[0, 99]", "pg_partition_tree"]
        {
            assert!(all.contains(present), "{present} not in {all}");
        }
    }
}
