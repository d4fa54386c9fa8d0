//! What a server answers to statements that were sent as text.

use std::fmt;
use std::str::FromStr;
use tokio_postgres::row::RowIndex;
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};

/// The rows of all answers, one after the other.
pub(crate) fn rows(answer: Vec<SimpleQueryMessage>) -> Vec<SimpleQueryRow> {
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    };
    answer.into_iter().filter_map(row).collect()
}

/// A field of a row; `None` for NULL, and where the server sent no such field or no text.
pub(crate) fn field<I: RowIndex + fmt::Display>(row: &SimpleQueryRow, index: I) -> Option<&str> {
    row.try_get(index).ok().flatten()
}

/// A field of a row, parsed; `None` also where it is something else.
pub(crate) fn parsed<T: FromStr, I: RowIndex + fmt::Display>(
    row: &SimpleQueryRow,
    index: I,
) -> Option<T> {
    field(row, index)?.parse().ok()
}

/// The first field of the first row, parsed.
pub(crate) fn value<T: FromStr>(answer: Vec<SimpleQueryMessage>) -> Option<T> {
    parsed(rows(answer).first()?, 0)
}
