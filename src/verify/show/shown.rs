//! A difference with the values of both sides, ready to be shown.

use crate::verify::class::ComparedColumn;
use crate::verify::difference::Difference;
use postgres_types::Type;

/// A difference, with what both sides have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownDifference {
    /// Which row differs, and in what.
    pub difference: Difference,
    /// The row of the first side; `None` where it has none, or where it was not read.
    pub first: Option<RowText>,
    /// The row of the second side, likewise.
    pub second: Option<RowText>,
}

/// A row in its text form under pinned settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowText {
    /// For each column that is compared its value; `None` for NULL.
    pub values: Vec<Option<ValueText>>,
}

/// A value as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueText {
    /// The value, or the beginning of it.
    pub text: String,
    /// Whether it is only the beginning.
    pub is_cut: bool,
    /// Bytes of the whole value.
    pub bytes: u64,
}

/// Whether a column holds JSON.
pub(super) fn is_json(column: &ComparedColumn) -> bool {
    [Type::JSON.oid(), Type::JSONB.oid()].contains(&column.type_oid)
}
