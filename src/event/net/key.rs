//! The key of a row, by the text of its image.

use crate::error::{Error, ErrorKind, Result};
use crate::event::change::{ImageValue, RowImage};
use crate::sql::ident;

/// What tells a row of a source from its other rows: the values of the key columns as an image has
/// them, numbers as they are written, strings without their escapes.
///
/// Two keys that the source takes for one may have two texts (`1.0` and `1.00`, `a` and `A` under
/// some collations). Then an update from one to the other makes one of them go and the other come:
/// right as long as what is gone is deleted before anything is written.
///
/// The order is one of texts, not that of the source; it is the same everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RowKey(pub(super) Box<[KeyValue]>);

/// The value of one column of a key. Values of two kinds are never equal: `1` is not `"1"`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum KeyValue {
    /// A `bool`.
    Bool(bool),
    /// A number, as it is written.
    Number(Box<str>),
    /// What a string says.
    String(Box<str>),
    /// An array or an object, as it is written.
    Json(Box<str>),
}

impl RowKey {
    /// The key of the row in an image.
    ///
    /// # Errors
    /// `Unsuitable` when a column is missing or NULL: then it is no key of this table, or no longer.
    pub(crate) fn of(image: &RowImage, columns: &[String]) -> Result<Self> {
        columns.iter().map(|column| KeyValue::of(image, column)).collect::<Result<_>>().map(Self)
    }

    /// The values as the inputs of their types read them, in the order of the columns asked for.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.0.iter().map(KeyValue::text).collect()
    }

    /// The values with their kinds, to be kept.
    pub(crate) fn marked(&self) -> Vec<String> {
        self.0.iter().map(|value| format!("{}{}", value.mark(), value.text())).collect()
    }

    /// Of what [`Self::marked`] gave; `None`: it is something else.
    pub(crate) fn of_marked(texts: &[String]) -> Option<Self> {
        texts.iter().map(|text| KeyValue::of_marked(text)).collect::<Option<_>>().map(Self)
    }
}

impl KeyValue {
    /// The value as the input of its type reads it, arrays and composite types aside.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
            Self::Number(text) | Self::String(text) | Self::Json(text) => text,
        }
    }

    fn mark(&self) -> char {
        match self {
            Self::Bool(_) => 'b',
            Self::Number(_) => 'n',
            Self::String(_) => 's',
            Self::Json(_) => 'j',
        }
    }

    fn of_marked(marked: &str) -> Option<Self> {
        let mut rest = marked.chars();
        let (mark, text) = (rest.next()?, rest.as_str());
        Some(match mark {
            'b' => Self::Bool(text == "true"),
            'n' => Self::Number(text.into()),
            's' => Self::String(text.into()),
            'j' => Self::Json(text.into()),
            _ => return None,
        })
    }

    fn of(image: &RowImage, column: &str) -> Result<Self> {
        match image.field(column) {
            None => Err(no_key(column, "is not in the image of a row")),
            Some(ImageValue::Null) => Err(no_key(column, "is NULL")),
            Some(ImageValue::Bool(value)) => Ok(Self::Bool(value)),
            Some(ImageValue::Number(text)) => Ok(Self::Number(text.into())),
            Some(ImageValue::String { text, .. }) => Ok(Self::String(text.into())),
            Some(ImageValue::Json(raw)) => Ok(Self::Json(raw.into())),
        }
    }
}

fn no_key(column: &str, why: &str) -> Error {
    Error::new(ErrorKind::Unsuitable, "cannot tell the rows of a captured table apart")
        .because(format!("key column {} {why}", ident(column)))
        .fix(
            "set the key of the reflection to columns of a primary key or of a unique constraint \
             without NULLs; if the table was altered, run `counterfoil capture refresh` and load \
             the reflection again",
        )
}
