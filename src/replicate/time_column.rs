//! The column that says when an event was written, for the lag in seconds.

use crate::config::nearest::did_you_mean;
use crate::config::{GroupBy, SourceConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::postgres::table::{Column, EventTable};
use crate::sql;
use postgres_types::Type;

/// The column that is named, otherwise `ts`, the one to group by, or the only one that an insert
/// stamps with the time; `None` where none of them is a time.
///
/// # Errors
/// `Unsuitable` where one is named that is not there or is no time, with those that are.
pub(crate) fn time_column(table: &EventTable, config: &SourceConfig) -> Result<Option<String>> {
    if let Some(name) = &config.time_column {
        return named(table, name).map(|column| Some(column.name.clone()));
    }
    let grouped = match &config.group_by {
        GroupBy::Column(name) | GroupBy::IfPresent(name) => name,
        GroupBy::Off => "ts",
    };
    let of_name = ["ts", grouped].into_iter().filter_map(|name| table.column(name));
    let found = of_name.filter(|column| is_time(column)).map(Some).next();
    let found = found.unwrap_or_else(|| only_stamped(table));
    Ok(found.map(|column| column.name.clone()))
}

fn named<'a>(table: &'a EventTable, name: &str) -> Result<&'a Column> {
    let times: Vec<&Column> = table.columns.iter().filter(|column| is_time(column)).collect();
    let what = match table.column(name) {
        Some(column) if is_time(column) => return Ok(column),
        Some(column) => format!(
            "column {} is {}, which does not say when an event was written",
            sql::ident(name),
            column.type_name
        ),
        None => format!("there is no column {} to tell the time by", sql::ident(name)),
    };
    let names: Vec<&str> = times.iter().map(|column| column.name.as_str()).collect();
    let listed: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    let guess = did_you_mean(name, &names);
    let fix = match (names.is_empty(), guess.is_empty()) {
        (true, _) => "leave time_column out: no column is of type timestamptz or timestamp, and \
                      lag is told in events"
            .to_owned(),
        (false, true) => format!("name one of these in time_column: {}", listed.join(", ")),
        (false, false) => format!("{guess} time_column can be one of {}", listed.join(", ")),
    };
    Err(Error::new(ErrorKind::Unsuitable, what).at(table.name.to_string()).fix(fix))
}

/// Where several are stamped, none is known to be that of the event.
fn only_stamped(table: &EventTable) -> Option<&Column> {
    let mut stamped = table.columns.iter().filter(|column| column.is_stamped);
    stamped.next().filter(|_| stamped.next().is_none())
}

fn is_time(column: &Column) -> bool {
    [Type::TIMESTAMPTZ.oid(), Type::TIMESTAMP.oid()].contains(&column.type_oid)
}
