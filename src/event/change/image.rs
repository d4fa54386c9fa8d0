//! The image of a row: the JSON object that the trigger of the source wrote of it.

use super::scan::{ImageMember, ScanFault, members, unescape};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::ident;
use bytes::Bytes;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A row before or after a change: the text of a JSON object as `row_to_json` wrote it, byte for
/// byte. Two images are equal if their texts are.
#[derive(Clone)]
pub(crate) struct RowImage {
    text: Bytes,
    members: Arc<[ImageMember]>,
}

/// The value of one column, its text kept: all digits of a number, the blanks and the escapes of a
/// `json` value.
///
/// What is stored in a `json` or `jsonb` column is [`ImageValue::raw`], whatever the variant; the
/// variants are for columns of the other types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ImageValue<'a> {
    /// SQL NULL, or the `null` of a `json` column: an image does not tell them apart.
    Null,
    /// A `bool`.
    Bool(bool),
    /// A number as it is written; it may be one that no machine number holds.
    Number(&'a str),
    /// A string: a text, and what else `row_to_json` writes as one (time stamps, NaN, …).
    String {
        /// What it says.
        text: Cow<'a, str>,
        /// How it is written, with its quotes.
        raw: &'a str,
    },
    /// An array or an object as it is written, and what only a `json` column can hold: a value with
    /// blanks around it, a string with half a surrogate pair.
    Json(&'a str),
}

impl RowImage {
    /// Takes the text of an image, and notes where its columns are.
    ///
    /// # Errors
    /// `Bug` for what no `json` column holds; `Contents` for what is no object, or names a column
    /// twice: a trigger did not write it. No content of the row is told.
    pub(crate) fn parse(text: Bytes) -> Result<Self> {
        let found = str::from_utf8(&text)
            .map_err(|error| no_json(format!("it is no UTF-8 at byte {}", error.valid_up_to())))?;
        let members = members(found).map_err(|fault| match fault {
            ScanFault::NoJson(expected, at) => {
                no_json(format!("{expected} is missing at byte {at}"))
            }
            ScanFault::NoObject => foreign("it is no object"),
        })?;
        let image = Self { text, members: members.into() };
        image.confirm_names()?;
        Ok(image)
    }

    /// The text as it came.
    pub(crate) fn text(&self) -> &str {
        self.part(0..self.text.len())
    }

    /// The value of a column; `None`: the image has no such column.
    pub(crate) fn field(&self, name: &str) -> Option<ImageValue<'_>> {
        let member = self.members.iter().find(|member| self.name(member) == name)?;
        Some(ImageValue::of(self.part(member.value.clone())))
    }

    /// The columns and their values, in the order of the table.
    #[cfg(test)]
    pub(crate) fn fields(&self) -> impl Iterator<Item = (Cow<'_, str>, ImageValue<'_>)> {
        self.members
            .iter()
            .map(|member| (self.name(member), ImageValue::of(self.part(member.value.clone()))))
    }

    fn name(&self, member: &ImageMember) -> Cow<'_, str> {
        let name = self.part(member.name.clone());
        // No column is called so that its name were no text: what it is escaped as names it then.
        text_of(name).unwrap_or(Cow::Borrowed(name))
    }

    fn part(&self, range: Range<usize>) -> &str {
        str::from_utf8(&self.text[range]).expect("parse confirmed the whole text")
    }

    fn confirm_names(&self) -> Result<()> {
        let mut names: Vec<_> = self.members.iter().map(|member| self.name(member)).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(()),
            Some(twice) => Err(foreign(&format!("column {} is there twice", ident(&twice[0])))),
        }
    }
}

impl PartialEq for RowImage {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for RowImage {}

/// Without the content, which is nobody's business.
impl fmt::Debug for RowImage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RowImage({} columns, {} bytes)", self.members.len(), self.text.len())
    }
}

impl<'a> ImageValue<'a> {
    /// Of JSON that was confirmed.
    fn of(raw: &'a str) -> Self {
        match raw.as_bytes() {
            b"null" => Self::Null,
            b"true" => Self::Bool(true),
            b"false" => Self::Bool(false),
            [b'-' | b'0'..=b'9', .., b'0'..=b'9'] | [b'0'..=b'9'] => Self::Number(raw),
            [b'"', .., b'"'] => match text_of(&raw[1..raw.len() - 1]) {
                Some(text) => Self::String { text, raw },
                None => Self::Json(raw),
            },
            _ => Self::Json(raw),
        }
    }

    /// The JSON as it is written, blanks included: what a `json` column holds.
    pub(crate) fn raw(&self) -> &'a str {
        match self {
            Self::Null => "null",
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
            Self::Number(raw) | Self::String { raw, .. } | Self::Json(raw) => raw,
        }
    }
}

fn text_of(between_quotes: &str) -> Option<Cow<'_, str>> {
    if between_quotes.contains('\\') {
        unescape(between_quotes).map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(between_quotes))
    }
}

fn no_json(why: String) -> Error {
    Error::new(ErrorKind::Bug, "cannot read the image of a row").because(why)
}

fn foreign(why: &str) -> Error {
    Error::new(ErrorKind::Contents, "an image of a row is not what a trigger of capture writes")
        .because(why)
        .fix("find out who wrote into the log of changes, then load the reflections again")
}
