//! The names that a destination has for the columns of its source: whether the source has those
//! columns, and no two get one name.

use crate::config::nearest::did_you_mean;
use crate::error::{Error, ErrorKind, Problems, Warning};
use crate::postgres::table::EventTable;
use crate::sql::ColumnNames;

/// What is wrong with the names for this source.
///
/// `Unsuitable`: a column that is not there or is not copied, unless it may be another table's; a
/// name that another column that is copied has.
pub fn problems(source: &EventTable, names: &ColumnNames) -> Problems {
    let mut problems = Problems::new();
    for (from, there) in names.renamed() {
        let Some(from) = source.column(from) else {
            if !names.is_of_several() {
                problems.push(unknown(source, from));
            }
            continue;
        };
        let is_taken = |other: &str| other != from.name && names.there(other) == there;
        if let Some(other) = source.columns.iter().find(|other| is_taken(&other.name)) {
            let what =
                format!("columns {:?} and {:?} would both be {there:?}", from.name, other.name);
            problems.push(
                Error::new(ErrorKind::Unsuitable, what)
                    .at(source.name.to_string())
                    .fix("give each column a name of its own in rename"),
            );
        }
    }
    problems
}

/// The columns that one of several tables does not have.
pub(crate) fn absent(source: &EventTable, names: &ColumnNames) -> Option<Warning> {
    let absent = names.renamed().map(|(from, _)| from);
    let absent: Vec<String> = absent
        .filter(|from| source.column(from).is_none())
        .map(|from| format!("{from:?}"))
        .collect();
    (names.is_of_several() && !absent.is_empty()).then(|| {
        let what = format!(
            "rename has columns that {} does not have, or does not copy: {}",
            source.name,
            absent.join(", ")
        );
        Warning::new(what, "")
    })
}

fn unknown(source: &EventTable, name: &str) -> Error {
    let error = |what: String| Error::new(ErrorKind::Unsuitable, what).at(source.name.to_string());
    if source.not_copied.iter().any(|column| column.name == name) {
        return error(format!("column {name:?} is renamed and not copied"))
            .fix(format!("add {name:?} to columns in the source, or remove it from rename"));
    }
    let names: Vec<&str> = source.columns.iter().map(|column| column.name.as_str()).collect();
    let guess = did_you_mean(name, &names);
    let fix = "correct it in rename, which has the source's name before the = and the \
               destination's behind it";
    error(format!("there is no column {name:?} to rename"))
        .because(format!("the source has {}", names.join(", ")))
        .fix(if guess.is_empty() { fix.to_owned() } else { format!("{guess} {fix}") })
}
