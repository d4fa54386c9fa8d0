//! A row of the log of changes: what a trigger of the source wrote of one change.

mod image;
mod scan;

pub(crate) use image::{ImageValue, RowImage};

use super::fields::unescaped;
use super::frame::{CopyFormat, FramedRow};
use super::wire::Wire;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::ident;
use bytes::Bytes;
use postgres_types::Type;
use std::borrow::Cow;
use std::sync::Arc;

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ChangeKind {
    /// A row came.
    Insert,
    /// A row became another, its key perhaps too.
    Update,
    /// A row went.
    Delete,
    /// All rows went.
    Truncate,
}

impl ChangeKind {
    /// The letter of it in the column `op` of the log.
    pub(crate) fn letter(self) -> u8 {
        match self {
            Self::Insert => b'I',
            Self::Update => b'U',
            Self::Delete => b'D',
            Self::Truncate => b'T',
        }
    }

    /// What a letter says; `None` for one that a later version may have.
    pub(crate) fn of_letter(letter: u8) -> Option<Self> {
        let all = [Self::Insert, Self::Update, Self::Delete, Self::Truncate];
        all.into_iter().find(|kind| kind.letter() == letter)
    }
}

/// A change as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoggedChange {
    /// The id that the log gave it. Within a transaction ids need not be in the order in which the
    /// changes were made.
    pub(crate) id: i64,
    /// The transaction that made it, savepoints included.
    pub(crate) xact: i64,
    /// The name under which the table is captured.
    pub(crate) source: Arc<str>,
    /// What it did.
    pub(crate) kind: ChangeKind,
    /// The row before; there is one for updates and deletes alone.
    pub(crate) before: Option<RowImage>,
    /// The row after; there is one for inserts and updates alone.
    pub(crate) after: Option<RowImage>,
}

/// Where the columns of the log stand in its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChangeLayout {
    format: CopyFormat,
    id: usize,
    xact: usize,
    source: usize,
    op: usize,
    before: usize,
    after: usize,
}

impl ChangeLayout {
    /// Finds the columns by their names. Others may be there.
    ///
    /// # Errors
    /// `Unsuitable` when one is missing or has another type: then the table is no log of changes.
    pub(crate) fn of(wire: &Wire) -> Result<Self> {
        let at = |name: &str, of: Type| place_in(wire, name, &of);
        Ok(Self {
            format: wire.format,
            id: at("id", Type::INT8)?,
            xact: at("xact", Type::INT8)?,
            source: at("source", Type::TEXT)?,
            op: at("op", Type::CHAR)?,
            before: at("before", Type::JSON)?,
            after: at("after", Type::JSON)?,
        })
    }

    /// Reads a row.
    ///
    /// # Errors
    /// `Bug` for bytes that PostgreSQL does not send; `Contents` for a row that no trigger of
    /// capture writes; `Unsuitable` for an operation that is not known here.
    pub(crate) fn decode(&self, row: &FramedRow) -> Result<LoggedChange> {
        self.read(row).map_err(|error| error.at(format!("id {} of the log of changes", row.id)))
    }

    fn read(&self, row: &FramedRow) -> Result<LoggedChange> {
        let fields = LogFields { row, format: self.format, fields: row.fields(self.format) };
        let change = LoggedChange {
            id: fields.integer(self.id)?,
            xact: fields.integer(self.xact)?,
            source: Arc::from(text(&fields.required(self.source)?)?),
            kind: kind(&fields.required(self.op)?)?,
            before: fields.image(self.before)?,
            after: fields.image(self.after)?,
        };
        change.confirm_images()?;
        Ok(change)
    }
}

impl LoggedChange {
    /// Of a row whose `op` and images came as text.
    ///
    /// # Errors
    /// As [`ChangeLayout::decode`].
    pub(crate) fn of_texts(
        (id, xact, source): (i64, i64, &str),
        op: &str,
        (before, after): (Option<String>, Option<String>),
    ) -> Result<Self> {
        let image = |text: Option<String>| text.map(|text| RowImage::parse(Bytes::from(text)));
        let change = Self {
            id,
            xact,
            source: Arc::from(source),
            kind: kind(op.as_bytes())?,
            before: image(before).transpose()?,
            after: image(after).transpose()?,
        };
        change.confirm_images()?;
        Ok(change)
    }

    fn confirm_images(&self) -> Result<()> {
        let (has_before, has_after) = match self.kind {
            ChangeKind::Insert => (false, true),
            ChangeKind::Update => (true, true),
            ChangeKind::Delete => (true, false),
            ChangeKind::Truncate => (false, false),
        };
        if (self.before.is_some(), self.after.is_some()) == (has_before, has_after) {
            return Ok(());
        }
        Err(foreign("an image is missing, or is there where there can be none"))
    }
}

/// The fields of one row of the log.
struct LogFields<'a> {
    row: &'a FramedRow,
    format: CopyFormat,
    fields: Vec<Option<&'a [u8]>>,
}

impl LogFields<'_> {
    /// The bytes of a value, escapes of the text form undone; `None` for NULL. They are not copied
    /// unless something was escaped.
    fn value(&self, at: usize) -> Result<Option<Bytes>> {
        let Some(field) = self.fields.get(at) else {
            return Err(garbled("a row has fewer fields than were asked for"));
        };
        let Some(field) = field else { return Ok(None) };
        if self.format == CopyFormat::Binary {
            return Ok(Some(self.row.bytes.slice_ref(field)));
        }
        match unescaped(field) {
            Some(Cow::Borrowed(text)) => Ok(Some(self.row.bytes.slice_ref(text.as_bytes()))),
            Some(Cow::Owned(text)) => Ok(Some(Bytes::from(text))),
            None => Err(garbled("a value is no UTF-8, or ends within an escape")),
        }
    }

    fn required(&self, at: usize) -> Result<Bytes> {
        self.value(at)?.ok_or_else(|| foreign("a column that is never NULL is NULL"))
    }

    fn integer(&self, at: usize) -> Result<i64> {
        let value = self.required(at)?;
        let found = match self.format {
            CopyFormat::Binary => value[..].try_into().ok().map(i64::from_be_bytes),
            CopyFormat::Text => text(&value)?.parse().ok(),
        };
        found.ok_or_else(|| garbled("an id or a transaction is no integer"))
    }

    fn image(&self, at: usize) -> Result<Option<RowImage>> {
        self.value(at)?.map(RowImage::parse).transpose()
    }
}

fn place_in(wire: &Wire, name: &str, of: &Type) -> Result<usize> {
    let refused = |why: String| {
        Error::new(ErrorKind::Unsuitable, "the source is no log of changes")
            .because(why)
            .fix("name the log that `counterfoil capture install` made as the table of the source")
    };
    let found = wire.columns.iter().position(|column| column.name == name);
    let at = found.ok_or_else(|| refused(format!("it has no column {}", ident(name))))?;
    if wire.columns[at].type_oid == Some(of.oid()) {
        Ok(at)
    } else {
        Err(refused(format!("column {} is not of type {}", ident(name), of.name())))
    }
}

fn text(value: &Bytes) -> Result<&str> {
    str::from_utf8(value).map_err(|_| garbled("a text is no UTF-8"))
}

fn kind(op: &[u8]) -> Result<ChangeKind> {
    let letter = if op.len() == 1 { op[0] } else { 0 };
    ChangeKind::of_letter(letter).ok_or_else(|| {
        Error::new(ErrorKind::Unsuitable, "the log of changes has an unknown operation")
            .because("op is none of I, U, D and T")
            .fix("use the version of counterfoil that capture was installed with, or a later one")
    })
}

fn garbled(why: &str) -> Error {
    Error::new(ErrorKind::Bug, "cannot read a row of the log of changes").because(why)
}

fn foreign(why: &str) -> Error {
    Error::new(ErrorKind::Contents, "a row of the log is not what a trigger of capture writes")
        .because(why)
        .fix("find out who wrote into the log of changes, then load the reflections again")
}

#[cfg(test)]
mod tests;
