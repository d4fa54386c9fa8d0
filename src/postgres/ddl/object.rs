//! A function or a trigger that `init` makes: the SQL that creates it, and whether what is there is
//! it.

use crate::postgres::ddl::existing::{ExistingFunction, ExistingTrigger};
use crate::postgres::table::TableName;
use crate::sql::{
    self, LOCK_DOORBELL, LOCK_FENCE, LOCK_REPLICATOR, SqlValue, fill, ident, text, without_header,
};

/// Marks the text of a function in the files of `sql/`.
const DOLLAR_TAG: &str = "$counterfoil$";

/// A function that `init` makes.
#[derive(Clone, Debug)]
pub struct FunctionDefinition {
    /// Name, in the schema of the event table.
    pub name: &'static str,
    /// Types of its arguments, as `format_type` gives them.
    pub types: &'static str,
    /// Type of its result, as `format_type` gives it.
    pub result: &'static str,
    /// The filled file of `sql/` that creates it.
    pub sql: String,
}

/// A trigger that `init` makes on the event table; it fires always.
#[derive(Clone, Debug)]
pub struct TriggerDefinition {
    /// Name.
    pub name: &'static str,
    /// `tgtype`: 1 row, 2 before, 4 insert, 8 delete, 16 update, 32 truncate, added up.
    pub events: i16,
    /// Its function, in the schema of the event table.
    pub function: &'static str,
    /// What its WHEN clause must contain, as the server writes it; `None` where it has none.
    pub when: Option<String>,
    /// The filled file of `sql/` that creates it.
    pub sql: String,
}

impl FunctionDefinition {
    /// Whether this is the function, with our text.
    pub fn is(&self, found: &ExistingFunction) -> bool {
        found.name == self.name
            && found.types == self.types
            && found.result == self.result
            && found.language == "plpgsql"
            && body(&self.sql) == Some(found.body.as_str())
    }

    /// The SQL that puts it in the place of another one with the same result.
    pub fn replacement(&self) -> String {
        self.sql.replacen("create function", "create or replace function", 1)
    }
}

impl TriggerDefinition {
    /// Whether this is the trigger, firing always and with our function.
    pub fn is(&self, found: &ExistingTrigger, table: &TableName) -> bool {
        let has_when = found.definition.contains(" WHEN (");
        found.name == self.name
            && found.events == self.events
            && found.enabled == 'A'
            && found.function_schema == table.schema
            && found.function == self.function
            && self
                .when
                .as_ref()
                .map_or(!has_when, |when| has_when && found.definition.contains(when))
    }
}

/// Fills a file of `sql/` that creates an object: its header goes, `schema`, `table`, `events`
/// (both, quoted) and the keys of the locks are always given, and no name can end the text of a
/// function.
pub fn statement(file: &str, table: &TableName, more: &[(&str, SqlValue<'_>)]) -> String {
    let mut values = vec![
        ("schema", text(&table.schema)),
        ("table", text(&table.name)),
        ("events", text(table.quoted())),
        ("lock_replicator", number(LOCK_REPLICATOR)),
        ("lock_fence", number(LOCK_FENCE)),
        ("lock_doorbell", number(LOCK_DOORBELL)),
    ];
    values.extend_from_slice(more);
    let quoted = table.quoted();
    let tags = (0_u32..)
        .map(|n| if n == 0 { DOLLAR_TAG.to_owned() } else { format!("$counterfoil_{n}$") });
    let tag = tags.into_iter().find(|tag| !quoted.contains(tag.as_str())).unwrap_or_default();
    fill(&without_header(file).replace(DOLLAR_TAG, &tag), &values)
}

/// The SQL that removes a trigger from the event table.
pub fn drop_trigger(name: &str, table: &TableName) -> String {
    format!("drop trigger {} on {};", ident(name), table.quoted())
}

/// The text of a function between its dollar quotes, as the catalog keeps it.
fn body(sql: &str) -> Option<&str> {
    let open = sql.find("\nas $counterfoil")? + "\nas ".len();
    let tag_length = sql[open + 1..].find('$')? + 2;
    let tag = &sql[open..open + tag_length];
    let rest = &sql[open + tag_length..];
    rest.rfind(tag).map(|close| &rest[..close])
}

fn number<'a>(value: i32) -> SqlValue<'a> {
    sql::sql(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTION: &str = "-- Header.\ncreate function :\"schema\".f() returns trigger\nlanguage \
                            plpgsql\nas $counterfoil$\nbegin\n    return \
                            null;\nend\n$counterfoil$;\n";

    fn table(name: &str) -> TableName {
        TableName { schema: "public".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn a_statement_has_no_header_and_no_name_can_end_the_text_of_a_function() {
        let sql = statement(FUNCTION, &table("$counterfoil$ $counterfoil_1$"), &[]);
        assert!(sql.starts_with("create function \"public\".f()"), "{sql}");
        assert_eq!(sql.matches("$counterfoil_2$").count(), 2, "{sql}");
        assert_eq!(body(&sql), Some("\nbegin\n    return null;\nend\n"));
    }

    #[test]
    fn a_function_is_ours_by_its_text_result_and_language() {
        let wanted = FunctionDefinition {
            name: "f",
            types: "",
            result: "trigger",
            sql: statement(FUNCTION, &table("events"), &[]),
        };
        let ours = ExistingFunction {
            name: "f".to_owned(),
            types: String::new(),
            arguments: Vec::new(),
            result: "trigger".to_owned(),
            language: "plpgsql".to_owned(),
            body: "\nbegin\n    return null;\nend\n".to_owned(),
        };
        assert!(wanted.is(&ours));
        let another_text =
            ExistingFunction { body: "\nbegin\n    return new;\nend\n".to_owned(), ..ours.clone() };
        let another_result = ExistingFunction { result: "integer".to_owned(), ..ours.clone() };
        assert!(!wanted.is(&another_text) && !wanted.is(&another_result));
    }
}
