//! What a server answers to statements that were sent as text.

use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};

/// The rows of all answers, each with its fields as text.
pub(crate) fn answers(messages: &[SimpleQueryMessage]) -> Vec<Vec<Option<String>>> {
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.map(|row| (0..row.len()).map(|field| row.get(field).map(str::to_owned)).collect())
        .collect()
}

/// A field of such a row as an integer; `None` for NULL.
pub(crate) fn integer(fields: &[Option<String>], at: usize) -> Option<i64> {
    fields.get(at)?.as_deref()?.parse().ok()
}

/// The first row.
pub(super) fn row_of(answer: &[SimpleQueryMessage]) -> Option<&SimpleQueryRow> {
    answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    })
}
