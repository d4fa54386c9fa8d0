//! How a table is computed from a captured one, held against what is captured. Pure.

use crate::config::nearest::did_you_mean;
use crate::config::{DeleteReaction, MappedColumns, ReflectionConfig, TruncateReaction};
use crate::error::{Error, ErrorKind, Problems};
use crate::event::captured::{CapturedTable, ImageForm};
use crate::sql::{TableName, ident};

/// One table, and what it is computed from.
#[derive(Clone, Debug)]
pub(super) struct TableMapping {
    /// What it is computed from.
    pub source: CapturedTable,
    /// What is written.
    pub table: TableName,
    /// Its columns.
    pub columns: Vec<MappedColumn>,
    /// The columns of its key.
    pub key: Vec<KeyColumn>,
    pub deletes: DeleteReaction,
    pub truncate: TruncateReaction,
    pub loads: bool,
    pub load_rows: u32,
}

/// A column, and the expression over the captured columns that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MappedColumn {
    pub name: String,
    pub expression: String,
}

/// A column of the key, and the captured column that fills it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyColumn {
    pub name: String,
    pub from: String,
}

impl TableMapping {
    /// Holds what is configured against what is captured.
    ///
    /// # Errors
    /// Everything that stands in the way.
    pub(super) fn new(
        config: &ReflectionConfig,
        captured: &[CapturedTable],
    ) -> Result<Self, Problems> {
        let Some(source) = captured.iter().find(|table| table.source == config.source) else {
            return Err(not_captured(config, captured).into());
        };
        let mut problems = Problems::new();
        let refuse = |why: String, fix: &str| {
            Error::new(ErrorKind::Unsuitable, format!("cannot compute {}", config.table))
                .because(why)
                .fix(fix)
        };
        for fault in &source.faults {
            let why = format!("not all changes of {} are in the log: {fault}", source.source);
            problems.push(refuse(why, "counterfoil capture status tells more; counterfoil capture refresh takes the table as it is, then counterfoil reflect load its rows"));
        }
        if source.key.is_empty() {
            let fix = "give it a primary key, then run counterfoil capture refresh";
            problems.push(refuse(format!("{} has no key", source.source), fix));
        }
        let columns = columns(config, source, &mut problems);
        let key = key(config, source, &columns, &mut problems);
        problems.or_ok(Self {
            source: source.clone(),
            table: config.table.clone(),
            columns,
            key,
            deletes: config.deletes,
            truncate: config.truncate,
            loads: config.loads,
            load_rows: config.load_rows,
        })
    }

    /// What it is called in what the destination remembers.
    pub(super) fn entry(&self) -> String {
        self.table.to_string()
    }

    /// What its rows depend on, in one text: with another one they would have to be loaded again.
    pub(super) fn written(&self) -> String {
        let columns = self.columns.iter().map(|of| [of.name.as_str(), of.expression.as_str()]);
        let key: Vec<&str> = self.key.iter().map(|of| of.name.as_str()).collect();
        let captured = self.source.columns.iter().map(|of| [&of.name, &of.type_name]);
        serde_json::json!({
            "source": self.source.source,
            "relation": self.source.oid,
            "columns": columns.collect::<Vec<_>>(),
            "key": key,
            "captured": captured.collect::<Vec<_>>(),
        })
        .to_string()
    }

    /// The captured columns of the key, in the order of the captured table's own key.
    pub(super) fn source_key(&self) -> &[String] {
        &self.source.key
    }
}

fn not_captured(config: &ReflectionConfig, captured: &[CapturedTable]) -> Error {
    let known: Vec<&str> = captured.iter().map(|table| table.source.as_str()).collect();
    let guess = did_you_mean(&config.source, &known);
    let listed = match known.as_slice() {
        [] => "nothing is captured yet: counterfoil capture install --table …".to_owned(),
        known => format!("captured are {}", known.join(", ")),
    };
    Error::new(ErrorKind::Unsuitable, format!("cannot compute {}", config.table))
        .because(format!("no table is captured under the name {:?}", config.source))
        .fix(if guess.is_empty() { listed } else { guess })
}

fn columns(
    config: &ReflectionConfig,
    source: &CapturedTable,
    problems: &mut Problems,
) -> Vec<MappedColumn> {
    let of = |name: &str, expression: String| MappedColumn { name: name.to_owned(), expression };
    let mut columns: Vec<MappedColumn> = match &config.columns {
        MappedColumns::Named(named) => {
            named.iter().map(|(name, expression)| of(name, expression.clone())).collect()
        }
        MappedColumns::Same => {
            for column in &source.columns {
                let why = match column.form {
                    _ if column.is_virtual => "is made when it is read, and no change has it",
                    ImageForm::Opaque => "has a type whose values cannot be had back from JSON",
                    _ => continue,
                };
                let what = format!("cannot compute {}", config.table);
                let fix = "write columns = { … } with those that are wanted";
                problems.push(
                    Error::new(ErrorKind::Unsuitable, what)
                        .because(format!("column {} of {} {why}", column.name, source.source))
                        .fix(fix),
                );
            }
            source.columns.iter().map(|column| of(&column.name, ident(&column.name))).collect()
        }
    };
    let wanted = if config.key.is_empty() { &source.key } else { &config.key };
    for name in wanted.iter().rev() {
        if !columns.iter().any(|column| column.name == *name) {
            columns.insert(0, of(name, ident(name)));
        }
    }
    columns
}

/// The captured column that an expression is nothing but.
fn plain<'a>(expression: &str, source: &'a CapturedTable) -> Option<&'a str> {
    let expression = expression.trim();
    let is_it = |name: &str| {
        expression == ident(name)
            || (expression.to_lowercase() == name
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
    };
    source.columns.iter().map(|column| column.name.as_str()).find(|name| is_it(name))
}

fn key(
    config: &ReflectionConfig,
    source: &CapturedTable,
    columns: &[MappedColumn],
    problems: &mut Problems,
) -> Vec<KeyColumn> {
    let wanted = if config.key.is_empty() { &source.key } else { &config.key };
    let mut key = Vec::new();
    for name in wanted {
        let column = columns.iter().find(|column| column.name == *name);
        let from = column.and_then(|column| plain(&column.expression, source));
        if let Some(from) = from {
            key.push(KeyColumn { name: name.clone(), from: from.to_owned() });
        }
    }
    let filled: Vec<&str> = key.iter().map(|column| column.from.as_str()).collect();
    let is_same = key.len() == wanted.len()
        && filled.len() == source.key.len()
        && source.key.iter().all(|column| filled.contains(&column.as_str()));
    if !is_same && !source.key.is_empty() {
        let why = format!(
            "its key ({}) must consist of the columns of the key of {} ({}), each by itself",
            wanted.join(", "),
            source.source,
            source.key.join(", ")
        );
        let fix = "name them in key, and in columns where they are called otherwise, as in \
                   columns = { order_id = \"id\" } with key = [\"order_id\"]";
        let what = format!("cannot compute {}", config.table);
        problems.push(Error::new(ErrorKind::Unsuitable, what).because(why).fix(fix));
    }
    key
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::event::captured::CapturedColumn;

    fn captured() -> CapturedTable {
        let column = |(name, type_name, form): (&str, &str, ImageForm)| CapturedColumn {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            form,
            is_virtual: false,
        };
        let columns = [
            ("id", "bigint", ImageForm::Scalar),
            ("Name", "text", ImageForm::Scalar),
            ("place", "public.address", ImageForm::Opaque),
        ];
        CapturedTable {
            source: "public.orders".to_owned(),
            oid: 1,
            columns: columns.map(column).to_vec(),
            key: vec!["id".to_owned()],
            is_partitioned: false,
            faults: Vec::new(),
        }
    }

    fn config(columns: MappedColumns, key: &[&str]) -> ReflectionConfig {
        ReflectionConfig {
            source: "public.orders".to_owned(),
            table: TableName::parse("public.copy").unwrap(),
            key: key.iter().map(|&name| name.to_owned()).collect(),
            columns,
            deletes: DeleteReaction::Apply,
            truncate: TruncateReaction::Apply,
            loads: true,
            load_rows: 10,
            creates: false,
        }
    }

    fn named(pairs: &[(&str, &str)]) -> MappedColumns {
        let owned = |(name, of): &(&str, &str)| ((*name).to_owned(), (*of).to_owned());
        MappedColumns::Named(pairs.iter().map(owned).collect())
    }

    #[test]
    fn the_key_is_added_where_columns_leave_it_out() {
        let mapping =
            TableMapping::new(&config(named(&[("n", "upper(\"Name\")")]), &[]), &[captured()]);
        let mapping = mapping.unwrap();
        let names: Vec<&str> = mapping.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["id", "n"]);
        assert_eq!(mapping.key, [KeyColumn { name: "id".to_owned(), from: "id".to_owned() }]);
    }

    #[test]
    fn a_key_may_be_called_otherwise_and_must_be_the_key_of_the_source() {
        let of = |pairs: &[(&str, &str)], key: &[&str]| {
            TableMapping::new(&config(named(pairs), key), &[captured()]).map(|mapping| mapping.key)
        };
        let renamed = of(&[("order_id", "ID"), ("n", "1")], &["order_id"]).unwrap();
        assert_eq!(renamed, [KeyColumn { name: "order_id".to_owned(), from: "id".to_owned() }]);
        for (pairs, key) in [
            (&[("a", "id + 1")][..], &["a"][..]),
            (&[("a", "Name")], &["a"]),
            (&[], &["id", "Name"]),
        ] {
            let report = of(pairs, key).unwrap_err().report();
            assert!(report.contains("must consist of the columns of the key"), "{report}");
        }
    }

    #[test]
    fn a_value_that_json_does_not_give_back_is_refused_unless_an_expression_makes_one() {
        let report = TableMapping::new(&config(MappedColumns::Same, &[]), &[captured()])
            .unwrap_err()
            .report();
        assert!(report.contains("column place of public.orders has a type"), "{report}");
        assert!(
            TableMapping::new(&config(named(&[("p", "place::text")]), &[]), &[captured()]).is_ok()
        );
    }

    #[test]
    fn what_is_not_captured_is_told_with_what_is() {
        let other = ReflectionConfig { source: "orders".to_owned(), ..config(named(&[]), &[]) };
        let report = TableMapping::new(&other, &[captured()]).unwrap_err().report();
        assert!(report.contains("no table is captured under the name \"orders\""), "{report}");
        let none = TableMapping::new(&other, &[]).unwrap_err().report();
        assert!(none.contains("nothing is captured yet"), "{none}");
    }
}
