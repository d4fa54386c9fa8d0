//! Values of the log that are numbers for a program and words for a person.

use slog::{Key, Record, Serializer, Value};

/// What a line says where there is no id.
pub(super) const NO_ID: &str = "none";

/// An id that may not be there: "none" in text, null in JSON.
#[derive(Clone, Copy, Debug)]
pub struct LoggedId(Option<i64>);

/// The highest id of something, as a line has it.
pub fn logged_id(id: Option<i64>) -> LoggedId {
    LoggedId(id)
}

impl Value for LoggedId {
    fn serialize(&self, _: &Record<'_>, key: Key, serializer: &mut dyn Serializer) -> slog::Result {
        match self.0 {
            Some(id) => serializer.emit_i64(key, id),
            None => serializer.emit_str(key, NO_ID),
        }
    }
}
