//! Arrays in binary form to text, as `array_out` writes them.

use super::binary::ReadScalar;
use super::damage::{DamagedBytes, taken};
use std::fmt::Write;

/// `MAXDIM` (utils/array.h).
const DIMENSIONS_MAX: usize = 6;

/// What is around the elements.
struct ArrayHeader {
    dimensions: Vec<ArrayDimension>,
    elements: usize,
}

#[derive(Clone, Copy)]
struct ArrayDimension {
    length: usize,
    lower_bound: i32,
}

/// The text of an array.
pub(super) fn text(
    mut field: &[u8],
    element_oid: u32,
    read: ReadScalar,
) -> Result<String, DamagedBytes> {
    let header = header(&mut field, element_oid)?;
    let mut text = bounds(&header);
    if header.elements == 0 {
        return ended(field).map(|()| "{}".to_owned());
    }
    // How many elements an array of each dimension has, those within it included.
    let mut sizes: Vec<usize> =
        header.dimensions.iter().rev().map(|dimension| dimension.length).collect();
    (1..sizes.len()).for_each(|at| sizes[at] *= sizes[at - 1]);
    for at in 0..header.elements {
        if at > 0 {
            text.push(',');
        }
        text.extend(sizes.iter().filter(|size| at % **size == 0).map(|_| '{'));
        match element(&mut field)? {
            None => text.push_str("NULL"),
            Some(value) => push_element(&read(value)?, &mut text),
        }
        text.extend(sizes.iter().filter(|size| (at + 1) % **size == 0).map(|_| '}'));
    }
    ended(field).map(|()| text)
}

/// The text of an `int2vector`: its elements, with blanks between them.
pub(super) fn vector_text(
    mut field: &[u8],
    element_oid: u32,
    read: ReadScalar,
) -> Result<String, DamagedBytes> {
    let header = header(&mut field, element_oid)?;
    let mut text = String::new();
    for at in 0..header.elements {
        if at > 0 {
            text.push(' ');
        }
        let value = element(&mut field)?.ok_or(DamagedBytes("it is a vector with a NULL"))?;
        text.push_str(&read(value)?);
    }
    ended(field).map(|()| text)
}

/// Number of dimensions, whether there are NULLs, type of the elements, length and lower bound of
/// each dimension.
fn header(field: &mut &[u8], element_oid: u32) -> Result<ArrayHeader, DamagedBytes> {
    let count = usize::try_from(i32::from_be_bytes(taken(field)?));
    let count = count.ok().filter(|count| *count <= DIMENSIONS_MAX);
    let count = count.ok_or(DamagedBytes("it has a number of dimensions that no array has"))?;
    let _has_nulls: [u8; 4] = taken(field)?;
    if u32::from_be_bytes(taken(field)?) != element_oid {
        return Err(DamagedBytes("it is an array of another type"));
    }
    let mut elements = usize::from(count > 0);
    let mut dimensions = Vec::new();
    for _ in 0..count {
        let length = usize::try_from(i32::from_be_bytes(taken(field)?)).ok();
        let lower_bound = i32::from_be_bytes(taken(field)?);
        let length = length.filter(|length| {
            i32::try_from(*length).is_ok_and(|length| lower_bound.checked_add(length).is_some())
        });
        let length = length.ok_or(DamagedBytes("it has bounds that no array has"))?;
        elements = elements.saturating_mul(length);
        dimensions.push(ArrayDimension { length, lower_bound });
    }
    // Each element has a length of four bytes.
    if elements > field.len() / 4 {
        return Err(DamagedBytes("it is shorter than its elements"));
    }
    Ok(ArrayHeader { dimensions, elements })
}

/// The bytes of the next element; `None` for NULL.
fn element<'a>(field: &mut &'a [u8]) -> Result<Option<&'a [u8]>, DamagedBytes> {
    let length = match i32::from_be_bytes(taken(field)?) {
        -1 => return Ok(None),
        length => usize::try_from(length)
            .map_err(|_| DamagedBytes("it has an element of negative length"))?,
    };
    let (value, rest) = field.split_at_checked(length).ok_or(DamagedBytes("it is cut short"))?;
    *field = rest;
    Ok(Some(value))
}

fn ended(rest: &[u8]) -> Result<(), DamagedBytes> {
    rest.is_empty().then_some(()).ok_or(DamagedBytes("it goes on after its last element"))
}

/// Nothing where all lower bounds are 1; an empty array has no bounds.
fn bounds(header: &ArrayHeader) -> String {
    let mut text = String::new();
    if header.elements > 0 && header.dimensions.iter().any(|dimension| dimension.lower_bound != 1) {
        for dimension in &header.dimensions {
            let upper = i64::from(dimension.lower_bound) + dimension.length as i64 - 1;
            let _ = write!(text, "[{}:{upper}]", dimension.lower_bound);
        }
        text.push('=');
    }
    text
}

fn push_element(value: &str, text: &mut String) {
    let is_special = |c: char| {
        matches!(c, '"' | '\\' | '{' | '}' | ',' | ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}')
    };
    if !value.is_empty() && !value.eq_ignore_ascii_case("null") && !value.contains(is_special) {
        text.push_str(value);
        return;
    }
    text.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
}
