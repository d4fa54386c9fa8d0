//! A source of which some columns are not copied.

use crate::config::nearest::did_you_mean;
use crate::error::{Error, ErrorKind, Problems};
use crate::postgres::table::EventTable;

impl EventTable {
    /// With these columns alone, in the order of the table; all of them where none is named.
    ///
    /// # Errors
    /// `Unsuitable`, for each name that no column has.
    pub fn copying(mut self, names: &[String]) -> Result<Self, Problems> {
        if names.is_empty() {
            return Ok(self);
        }
        let mut problems = Problems::new();
        for name in names.iter().filter(|name| self.column(name).is_none()) {
            problems.push(unknown(&self, name));
        }
        let columns = std::mem::take(&mut self.columns);
        (self.columns, self.not_copied) =
            columns.into_iter().partition(|column| names.contains(&column.name));
        problems.or_ok(self)
    }
}

fn unknown(table: &EventTable, name: &str) -> Error {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let guess = did_you_mean(name, &names);
    let fix = if guess.is_empty() {
        "correct the name in columns, or remove it".to_owned()
    } else {
        format!("correct the name in columns: {guess}")
    };
    Error::new(ErrorKind::Unsuitable, format!("there is no column {name:?} to copy"))
        .at(table.name.to_string())
        .because(format!("it has {}", names.join(", ")))
        .fix(fix)
}
