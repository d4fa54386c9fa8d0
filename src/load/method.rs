//! By which method events come into a table: what it can take, and what is best where nothing is
//! said. Pure.

use super::table::{InsertForm, TableShape};
use crate::error::{Error, ErrorKind, Problems};
use std::fmt;

/// `--method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadMethod {
    /// A call of the table's `insert_events` for each group.
    InsertEvents,
    /// An INSERT for each group; the table gives out the ids.
    Insert,
    /// A COPY for many groups.
    Copy,
}

/// A method, and how the table takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InsertMethod {
    /// `insert_events(jsonb[])`.
    Typed,
    /// `insert_events(text)`, slate's.
    Text,
    /// INSERT; ids from the table's sequence.
    Insert,
    /// COPY; ids from the table's sequence.
    CopyFed,
    /// COPY; ids from the counter, which stays locked to the commit.
    CopyCounted,
}

impl InsertMethod {
    /// The method that it is.
    pub(super) fn method(self) -> LoadMethod {
        match self {
            Self::Typed | Self::Text => LoadMethod::InsertEvents,
            Self::Insert => LoadMethod::Insert,
            Self::CopyFed | Self::CopyCounted => LoadMethod::Copy,
        }
    }
}

impl fmt::Display for LoadMethod {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::InsertEvents => "insert-events",
            Self::Insert => "insert",
            Self::Copy => "copy",
        })
    }
}

/// Judges whether the table can be loaded, and how: as wanted, otherwise by its function, otherwise
/// by INSERT, otherwise by COPY under its counter.
///
/// # Errors
/// `Unsuitable`, everything that stands in the way together, each with its remedy.
pub(super) fn choose(
    shape: &TableShape,
    wanted: Option<LoadMethod>,
    wants_large: bool,
) -> Result<InsertMethod, Problems> {
    let mut problems = Problems::new();
    shape_problems(shape, wants_large).into_iter().for_each(|problem| problems.push(problem));
    let insert_method = problems.note(match wanted {
        Some(method) => way_of(shape, method).ok_or_else(|| refusal(shape, method)),
        None => [LoadMethod::InsertEvents, LoadMethod::Insert, LoadMethod::Copy]
            .into_iter()
            .find_map(|method| way_of(shape, method))
            .ok_or_else(|| nothing_gives_ids(shape)),
    });
    match insert_method {
        Some(insert_method) if problems.is_empty() => Ok(insert_method),
        _ => Err(problems),
    }
}

fn way_of(shape: &TableShape, method: LoadMethod) -> Option<InsertMethod> {
    match method {
        LoadMethod::InsertEvents => shape.insert_events.map(|function| match function {
            InsertForm::Typed => InsertMethod::Typed,
            InsertForm::Text => InsertMethod::Text,
        }),
        LoadMethod::Insert => shape.is_fed.then_some(InsertMethod::Insert),
        LoadMethod::Copy if shape.is_fed => Some(InsertMethod::CopyFed),
        LoadMethod::Copy => {
            (shape.has_counter && shape.has_ts).then_some(InsertMethod::CopyCounted)
        }
    }
}

fn refuse(shape: &TableShape, what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unsuitable, what).at(shape.table.to_string())
}

fn refusal(shape: &TableShape, method: LoadMethod) -> Error {
    let others: Vec<String> = [LoadMethod::InsertEvents, LoadMethod::Insert, LoadMethod::Copy]
        .into_iter()
        .filter(|other| way_of(shape, *other).is_some())
        .map(|other| format!("--method {other}"))
        .collect();
    if others.is_empty() {
        return nothing_gives_ids(shape);
    }
    let why = match method {
        LoadMethod::InsertEvents => "its schema has no function insert_events that inserts into it",
        LoadMethod::Insert => "its ids are consecutive: no sequence gives them out, a counter does",
        LoadMethod::Copy => "no sequence gives out its ids, and there is no counter of the next id",
    };
    refuse(shape, format!("{} cannot be loaded by {method}", shape.table))
        .because(why)
        .fix(format!("give {}, or leave --method out", others.join(" or ")))
}

fn nothing_gives_ids(shape: &TableShape) -> Error {
    let why = if shape.is_guarded_copy {
        "it is a destination: only Counterfoil writes into it"
    } else {
        "it has no identity column, no counter and no insert_events: is it a destination?"
    };
    refuse(shape, format!("nothing gives out ids for {}", shape.table))
        .because(why)
        .fix("load the source; `counterfoil init source --url … --table …` makes one")
}

fn shape_problems(shape: &TableShape, wants_large: bool) -> Vec<Error> {
    let mut problems = Vec::new();
    if shape.is_standby {
        let what = "the server is a standby, which takes no events";
        problems.push(
            refuse(shape, what).fix(
                "load its primary; target_session_attrs=read-write finds it among several hosts",
            ),
        );
    }
    if !shape.is_table {
        problems.push(
            refuse(shape, format!("{} is not a table", shape.table))
                .fix("name the event table by --table"),
        );
        return problems;
    }
    let event = shape.event_type.as_deref();
    if event != Some("jsonb") {
        let is = event
            .map_or_else(|| "there is no such column".to_owned(), |other| format!("it is {other}"));
        let what = format!("the column event of {} has to be jsonb: {is}", shape.table);
        problems.push(
            refuse(shape, what)
                .fix("load a table that `counterfoil init source` or slate has made"),
        );
    }
    if !shape.unfilled.is_empty() {
        let names = shape.unfilled.join(", ");
        let what = format!("{} has columns that an event gives no value for: {names}", shape.table);
        problems
            .push(refuse(shape, what).fix("give them a default, or load another table by --table"));
    }
    if let (true, Some(trigger)) = (wants_large, &shape.notifies_whole_events) {
        problems.push(
            refuse(shape, "large events do not fit into this table")
                .because(format!(
                    "trigger {trigger} notifies of whole events, and 8,000 bytes are the most a \
                     notification holds"
                ))
                .fix(
                    "leave --large-events out, or let the trigger send the id only: `counterfoil \
                     init source` prints the SQL",
                ),
        );
    }
    problems
}

#[cfg(test)]
mod tests;
